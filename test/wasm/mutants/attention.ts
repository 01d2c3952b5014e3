import { type Mutant, wrong } from "../mutants.ts";

const both = "attention attentionGradient";

/** Wrong versions of wasm/attention.ts, what it is made of and attention-step.ts. */
export const attentionMutants: readonly Mutant[] = [
  wrong(both, "attention-block", "a step does not see itself", "? j - i :", "? j - i + 1 :"),
  wrong(both, "attention-block", "a step sees the next", "let r = 1; r < 4;", "let r = 1; r < 3;"),
  wrong("attention", "attention", "sums are not rescaled", "if (rest != 1) scaleRow", "if (rest == 7) scaleRow"),
  wrong(
    "attention",
    "attention",
    "the denominator is not rescaled",
    "f32x4.mul(rest, v128.load(state + ROW))",
    "v128.load(state + ROW)",
  ),
  wrong("attention", "attention-products", "a tile's last key is left out", "i + MR - lead", "i + MR - 1 - lead"),
  wrong(
    "attentionGradient",
    "attention-gradient",
    "the sums of dy o are left out",
    "f32x4.sub(v128.load(s + o), whole)",
    "v128.load(s + o)",
  ),
  wrong(
    "attentionGradient",
    "attention-products",
    "the first query of a key is left out",
    "max(0, i + lead) : 0",
    "max(0, i + lead + 1) : 0",
  ),
  wrong(both, "attention-block", "the words of a row begin where they like", "<u32>((t + 3) & ~3)", "<u32>t"),
  wrong(both, "attention-products", "the rest of a head is left out", "if (count > 4) put", "if (count > 8) put"),
  wrong(both, "attention-products", "the third row is the second", "min(2, last) * ar", "min(1, last) * ar"),
  wrong(both, "attention-products", "what is over of the keys is not turned", "i < rows ?", "i + 1 < rows ?"),
  wrong("rotary", "rotary", "it turns the other way", "float(call, 8)", "-float(call, 8)"),
  wrong(
    "attentionStep",
    "attention-step",
    "a step does not see itself",
    "load<i32>(at(call, 1)) + 1;",
    "max(load<i32>(at(call, 1)), 1);",
  ),
  wrong("attentionStep", "attention-step", "the scale is forgotten", "scale * lanes(sum)", "lanes(sum)"),
  wrong(
    "attentionStep",
    "attention-step",
    "heads take turns at keys",
    "(heads + head / share)",
    "(heads + head % (heads / share))",
  ),
  wrong("attentionStep", "attention-step", "the last scores stay scores", "j = count & ~3;", "j = count | 3;"),
  wrong(
    "attentionStep",
    "attention-step",
    "a step is kept one further on",
    "load<i32>(at(call, 1)) * width",
    "(load<i32>(at(call, 1)) ? load<i32>(at(call, 1)) - 1 : 0) * width",
  ),
];
