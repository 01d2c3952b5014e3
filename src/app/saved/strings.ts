import { speaker } from "../state/language.ts";

const en = {
  notice: "Saved run",
  found: "This browser has kept a run of these settings.",
  elsewhere: "It was computed by {device}, which is not here: further steps may differ in their last bits.",
  goOn: "Go on from step {step}",
  discard: "Discard",
  unsaved: "This run cannot be kept for a reload: {reason}",
  dismiss: "Dismiss",
} as const;

export type SavedKey = keyof typeof en;

const zh: Readonly<Record<SavedKey, string>> = {
  notice: "保存的运行",
  found: "这个浏览器里保存着同样设置的一次运行。",
  elsewhere: "它当时由 {device} 计算，现在没有这个设备，之后各步的末几位可能不同。",
  goOn: "从第 {step} 步继续",
  discard: "丢弃",
  unsaved: "这次运行无法保存，刷新页面后不能继续：{reason}",
  dismiss: "知道了",
};

export const tables = { en, zh };
export const say = speaker<SavedKey>(tables);
