import { speaker } from "../state/language.ts";

const en = {
  folder: "Images in {name}",
  looking: "Looking through {name} …",
  found: "{images} images in {classes} folders: {names}",
  tooFew: "There are {images} images in {classes} folders here. Each class needs a folder of its own, two at least.",
  tooMany: "More than {most} images: only so many are taken.",
  side: "Scale to",
  grey: "{side} × {side} grey",
  take: "Train on these",
  cancel: "Cancel",
  progress: "{done} of {of} images read, {left} left out",
} as const;

export type FolderKey = keyof typeof en;

const zh: Readonly<Record<FolderKey, string>> = {
  folder: "{name} 中的图像",
  looking: "正在查看 {name} …",
  found: "{classes} 个文件夹，共 {images} 张图像：{names}",
  tooFew: "这里有 {classes} 个文件夹，共 {images} 张图像。每个类别需要一个文件夹，至少两个。",
  tooMany: "图像超过 {most} 张：只取这么多。",
  side: "缩放为",
  grey: "{side} × {side} 灰度",
  take: "用这些训练",
  cancel: "取消",
  progress: "已读取 {done} / {of} 张图像，略去 {left} 张",
};

export const tables = { en, zh };
export const say = speaker<FolderKey>(tables);
