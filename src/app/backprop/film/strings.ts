import { speaker } from "../../state/language.ts";

/** Words that every film of cells has. */
const en = {
  phases: "parts of the film",
  cell: "row {row}, column {column}: {value}",
  unknown: "not yet",
  gradientOf: "∂L/∂ {map}",
  loss: "loss L",
  weights: "weights",
  products: "products",
  sum: "sum",
  bias: "bias",
  work: "How this number comes about",
  play: "Play",
  pause: "Pause",
  scrub: "picture {i} of {n}",
  next: "Next",
  back: "Back",
  value: "value of the chosen cell ({cell})",
  notANumber: "A number from −100 to 100.",
  check: "Check by nudging",
  nudged: "(L(w + h) − L(w − h)) / 2h = {numeric}, and the gradient is {analytic}: {verdict}",
  agree: "they agree.",
  step: "Take this step",
  loading: "Computing…",
} as const;

type FilmKey = keyof typeof en;

const zh: Readonly<Record<FilmKey, string>> = {
  phases: "各段",
  cell: "第 {row} 行第 {column} 列：{value}",
  unknown: "还没有算到",
  gradientOf: "∂L/∂ {map}",
  loss: "损失 L",
  weights: "权重",
  products: "乘积",
  sum: "和",
  bias: "偏置",
  work: "这个数怎么来的",
  play: "播放",
  pause: "暂停",
  scrub: "第 {i} 幅，共 {n} 幅",
  next: "下一幅",
  back: "上一幅",
  value: "选中格子的值（{cell}）",
  notANumber: "请输入 −100 到 100 之间的数。",
  check: "微调检验",
  nudged: "(L(w + h) − L(w − h)) / 2h = {numeric}，梯度是 {analytic}：{verdict}",
  agree: "两者一致。",
  step: "走这一步",
  loading: "正在计算……",
};

export const tables = { en, zh };
export const say = speaker<FilmKey>(tables);
