import { speaker } from "../../state/language.ts";

const en = {
  title: "Backpropagation through the steps of a text",
  intro:
    "One window of your text goes through your net and comes back, in float64. Each step is told the next token, and has a loss of its own. Choose one, and see how far its gradient reaches back: the darker a cell, the longer the gradient in that layer at that step, beside the longest of its row.",
  of: "Loss of",
  all: "all steps",
  one: "step {step}, “{target}” behind “{piece}”",
  window: "window {i} of {n}",
  nextWindow: "Another window",
  again: "Take the weights as they are now",
  takenAt: "weights of step {step}",
  loss: "Loss {loss}, which is {bits} bits a token.",
  table: "Gradients of each layer at each step",
  step: "step",
  reads: "reads",
  target: "is to tell",
  chance: "gives it",
  layer: "{name}, {width} numbers",
  cell: "gradient {gradient}, values {value}",
  reach: "At step {step} the gradient of {layer} has {share} of its length at the step that it comes from.",
} as const;

export type TokensKey = keyof typeof en;

const zh: Readonly<Record<TokensKey, string>> = {
  title: "反向传播，沿着文本的每一步",
  intro:
    "文本的一个窗口以 float64 走过你的网络，再走回来。每一步都要说出下一个词元，各有各的损失。选其中一步，看它的梯度能回传多远：格子颜色越浓，这一层在这一步的梯度越长（与同一行最长的相比）。",
  of: "哪一步的损失",
  all: "所有步",
  one: "第 {step} 步，“{piece}”后面的“{target}”",
  window: "第 {i} 个窗口，共 {n} 个",
  nextWindow: "换一个窗口",
  again: "取现在的权重",
  takenAt: "第 {step} 步的权重",
  loss: "损失 {loss}，即每个词元 {bits} 比特。",
  table: "每一层在每一步的梯度",
  step: "步",
  reads: "读到",
  target: "要说出",
  chance: "给它的概率",
  layer: "{name}，{width} 个数",
  cell: "梯度 {gradient}，值 {value}",
  reach: "在第 {step} 步，{layer} 的梯度长度是出发那一步的 {share}。",
};

export const tables = { en, zh };
export const say = speaker<TokensKey>(tables);
