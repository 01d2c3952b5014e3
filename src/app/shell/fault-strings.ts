import { speaker } from "../state/language.ts";

const en = {
  faultOn: "Broken on purpose: {fault}",
  faultOff: "Mend it",
  faultprinted: "2·p for 2·(p − target)",
  faulttranspose: "a transpose dropped",
  faultbatch: "1/batch forgotten",
  faultedge: "a tile's edge cut short",
  faultdead: "dead rectifiers",
  faultzeros: "all weights start at zero",
  faultrate: "a rate 1,000 times too high",
} as const;

export type FaultKey = keyof typeof en;

const zh: Readonly<Record<FaultKey, string>> = {
  faultOn: "故意弄错：{fault}",
  faultOff: "改回来",
  faultprinted: "把 2·(p − 目标) 写成 2·p",
  faulttranspose: "漏了一次转置",
  faultbatch: "忘了除以批大小",
  faultedge: "分块边缘少算一项",
  faultdead: "ReLU 全部死亡",
  faultzeros: "权重全部从零开始",
  faultrate: "学习率大了一千倍",
};

export const tables = { en, zh };
export const say = speaker<FaultKey>(tables);
