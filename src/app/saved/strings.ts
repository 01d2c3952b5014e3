import { speaker } from "../state/language.ts";

const en = {
  notice: "Saved run",
  found: "This browser has kept a run of these settings.",
  goOn: "Go on from step {step}",
  discard: "Discard",
  unsaved: "This run cannot be kept for a reload: {reason}",
  dismiss: "Dismiss",
} as const;

export type SavedKey = keyof typeof en;

const zh: Readonly<Record<SavedKey, string>> = {
  notice: "保存的运行",
  found: "这个浏览器里保存着同样设置的一次运行。",
  goOn: "从第 {step} 步继续",
  discard: "丢弃",
  unsaved: "这次运行无法保存，刷新页面后不能继续：{reason}",
  dismiss: "知道了",
};

export const tables = { en, zh };
export const say = speaker<SavedKey>(tables);
