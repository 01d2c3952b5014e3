import { speaker } from "../state/language.ts";

const en = {
  names: "These weights have other names than the net",
  take: "Take them so",
  cancel: "Cancel",
} as const;

export type WeightsKey = keyof typeof en;

const zh: Readonly<Record<WeightsKey, string>> = {
  names: "这些权重的名称与网络不同",
  take: "就这样使用",
  cancel: "取消",
};

export const tables = { en, zh };
export const say = speaker<WeightsKey>(tables);
