import type { Mutant } from "../mutants.ts";

const attention = (what: string, from: string | RegExp, to: string): Mutant => ({
  ...{ op: "attentionStep", kernel: "attentionStep/heads", what, from, to },
});
const recurrent = (what: string, from: string | RegExp, to: string): Mutant => ({
  ...{ op: "recurrentStep", kernel: "recurrentStep/units", what, from, to },
});

/** Wrong kernels of what writes a text step by step. */
export const textMutants: readonly Mutant[] = [
  attention("a step is kept one further on", "past[u32(position[0]) *", "past[(u32(position[0]) + 1u) *"),
  attention(
    "a step does not see itself",
    "let count = u32(position[0]) + 1u;",
    "let count = max(u32(position[0]), 1u);",
  ),
  attention("a step sees the next", "let count = u32(position[0]) + 1u;", "let count = u32(position[0]) + 2u;"),
  attention("the scale is forgotten", /(score|\)) \* params\.scale/, "$1"),
  attention("of four terms three count", "score.z + score.w", "score.z"),
  attention(
    "a step's fours are kept as if single",
    "past[u32(position[0]) * params.width + i]",
    "past[u32(position[0]) * params.width + i / 2u]",
  ),
  attention("heads take turns at keys", "params.rows + head / params.share", "params.rows + head % params.keyHeads"),
  attention("the key stands for the value", "params.rows + params.keyHeads + row", "params.rows + row"),
  attention("the maximum is not subtracted", "exp(scores[start + j] - top)", "exp(scores[start + j])"),
  attention("the weights are not divided", "mean / sum", "mean"),
  attention(
    "values behind the workgroup's width are left out",
    /c < params\.d; c \+= (16|64)u/,
    "c < min(params.d, $1u); c += $1u",
  ),
  attention(
    "the first key is left out of the means",
    "for (var j = 0u; j < count; j++) { mean",
    "for (var j = min(1u, count - 1u); j < count; j++) { mean",
  ),
  recurrent("the bias of the state is left out", "= hiddenBias[i] +", "= 0.0 * hiddenBias[i] +"),
  recurrent("of four terms three count", "sum.z + sum.w", "sum.z"),
  recurrent("the last term is left out", "k < params.h;", "k + 1u < params.h;"),
  recurrent("the cell is the output", "let cell = vec4<f32>(state[h + i]);", "let cell = before;"),
  recurrent("the cell is not kept", "state[h + i] = v4.x;", "state[h + i] = made.x;"),
  recurrent("the state is not kept", "state[i] = made.x;", ""),
  recurrent("gates take turns", "x[1u * h + i] + inputBias[1u * h + i]", "x[i] + inputBias[i]"),
];
