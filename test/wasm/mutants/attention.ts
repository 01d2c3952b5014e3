import { type Mutant, wrong } from "../mutants.ts";

const both = "attention attentionGradient";

/** Wrong versions of wasm/attention.ts and attention-products.ts. */
export const attentionMutants: readonly Mutant[] = [
  wrong(
    both,
    "attention",
    "a step does not see itself",
    "int(call, first + 5) ? i + 1 : length",
    "int(call, first + 5) ? i : length",
  ),
  wrong("attention", "attention", "sums are not rescaled", "if (rest != 1) scaleRow", "if (rest == 7) scaleRow"),
  wrong("attention", "attention", "the denominator is not rescaled", "sum += rest * load", "sum += load"),
  wrong("attentionGradient", "attention", "the sums of dy o are left out", "f32x4.splat(whole)", "f32x4.splat(0)"),
  wrong(
    "attentionGradient",
    "attention",
    "the first queries of a key are left out",
    "int(call, first + 5) ? j : 0",
    "int(call, first + 5) ? j + QUERIES : 0",
  ),
  wrong(both, "attention", "the words of a row begin where they like", "<u32>((t + 3) & ~3)", "<u32>t"),
  wrong(both, "attention-products", "the rest of a head is left out", "if (count > 4) put", "if (count > 8) put"),
  wrong(both, "attention-products", "the third row is the second", "min(2 * ar, last)", "min(ar, last)"),
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
  wrong(
    "attentionStep",
    "attention-step",
    "the last weight counts four times",
    "total = f32x4.add(total, get(p, count - j));",
    "total = f32x4.add(total, count - j < 4 ? v128.load32_splat(p) : get(p, 4));",
  ),
  wrong(
    "attentionStep",
    "attention-step",
    "a step is kept one further on",
    "load<i32>(at(call, 1)) * width",
    "(load<i32>(at(call, 1)) ? load<i32>(at(call, 1)) - 1 : 0) * width",
  ),
];
