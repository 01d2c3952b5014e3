import { speaker } from "../state/language.ts";

const en = {
  draw: "Draw one",
  drawHint: "Draw here; it is put where the data's own figures lie, and the net answers as you draw.",
  drawLabel: "A box to draw in",
  seen: "what the net sees",
  answer: "The net's answer: {name}, {sure}",
  chance: "{name}: {sure}",
  clear: "Clear",
} as const;

export type DrawKey = keyof typeof en;

const zh: Readonly<Record<DrawKey, string>> = {
  draw: "画一个试试",
  drawHint: "在这里画；图形会按数据的习惯居中缩放，边画边得到网络的回答。",
  drawLabel: "画图区",
  seen: "网络看到的",
  answer: "网络的回答：{name}，{sure}",
  chance: "{name}：{sure}",
  clear: "清空",
};

export const tables = { en, zh };
export const say = speaker<DrawKey>(tables);
