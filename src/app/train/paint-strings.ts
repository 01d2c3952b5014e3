import { speaker } from "../state/language.ts";

const en = {
  painting: "Your points",
  paintHint: "Click or drag to set points of at least two classes; the net trains on them at once.",
  pointClass: "class {i}",
  clear: "Clear",
} as const;

type PaintKey = keyof typeof en;

const zh: Readonly<Record<PaintKey, string>> = {
  painting: "你的数据点",
  paintHint: "点击或拖动来画点，至少要有两类；网络会立刻开始学习。",
  pointClass: "第 {i} 类",
  clear: "清空",
};

export const tables = { en, zh };
export const say = speaker<PaintKey>(tables);
