import { speaker } from "../state/language.ts";

const en = {
  help: "Keyboard",
  keySpace: "play or pause",
  keyRight: "one step (in Backprop: one picture on)",
  keyShiftRight: "100 steps",
  keyR: "rewind to the same start",
  keyRooms: "the five rooms",
  keyHelp: "this list",
  keyEsc: "close",
  space: "Space",
} as const;

export type HelpKey = keyof typeof en;

const zh: Readonly<Record<HelpKey, string>> = {
  help: "键盘操作",
  keySpace: "开始或暂停",
  keyRight: "训练一步（在“反向传播”里：下一幅图）",
  keyShiftRight: "训练 100 步",
  keyR: "回到同一个起点",
  keyRooms: "五个页面",
  keyHelp: "显示这张表",
  keyEsc: "关闭",
  space: "空格",
};

export const tables = { en, zh };
export const say = speaker<HelpKey>(tables);
