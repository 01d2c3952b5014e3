import { speaker } from "../state/language.ts";

const en = {
  net: "Net",
  "net-dense": "dense layers",
  "net-digits-cnn": "two convolutions",
  "net-fashion-cnn": "two convolutions",
  "net-fashion-resnet": "20 layers with short cuts (ResNet)",
  "net-convolutions": "two convolutions",
  "net-own": "as edited below",
} as const;

export type NetChoiceKey = keyof typeof en;

const zh: Readonly<Record<NetChoiceKey, string>> = {
  net: "网络",
  "net-dense": "全连接层",
  "net-digits-cnn": "两层卷积",
  "net-fashion-cnn": "两层卷积",
  "net-fashion-resnet": "20 层残差网络（ResNet）",
  "net-convolutions": "两层卷积",
  "net-own": "如下编辑的网络",
};

export const tables = { en, zh };
export const say = speaker<NetChoiceKey>(tables);
