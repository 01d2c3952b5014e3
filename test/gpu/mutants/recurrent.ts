import type { ChipMutant, Mutant } from "../mutants.ts";

const one = (op: string, kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
  op,
  kernel: `${op}/${kernel}`,
  what,
  from,
  to,
});
const loop = (op: string, what: string, from: string | RegExp, to: string): Mutant =>
  one(op, "steps-quads", what, from, to);

/** Wrong kernels of recurrences. */
export const recurrentMutants: readonly Mutant[] = [
  loop("lstm", "gates in ONNX's order, i o f g", "sums[own + 1u * 4u +", "sums[own + 2u * 4u +"),
  loop("lstm", "sums of a neighbour's rows", "(v ^ place)", "v"),
  loop("lstm", "the forget gate is missing", "fma(v1, cell, v0 * v2)", "v0 * v2 + 0.0 * (v1 + cell)"),
  loop("lstm", "the cell itself comes out", "v3 * tanhOf(v4)", "v3 * v4"),
  loop("lstm", "the cell of the step behind", "select(t - 1u, t + 1u,", "select(t + 1u, t - 1u,"),
  loop("lstm", "the bias of the state is left out", " + hiddenBias0", ""),
  loop("lstm", "the last step is left out", "s < params.end;", "s + 1u < params.end;"),
  loop("lstm", "reverse goes forwards", "select(s, params.steps - 1u - s,", "select(s, s,"),
  loop("lstm", "lengths are one too long", "vec4<i32>(i32(t)) < lasts", "vec4<i32>(i32(t)) < lasts + 1"),
  loop("lstm", "lengths are one too short", "vec4<i32>(i32(t)) < lasts", "vec4<i32>(i32(t) + 1) < lasts"),
  loop("lstm", "state stays what it was at first", "let turned = now; now = next; next = turned;", ""),
  loop("lstm", "the last four terms are left out", "k < params.terms", "k + 4u < params.terms"),
  loop("lstm", "the second vec4 of rows for the first", "quadSwapX(part", "quadSwapY(part"),
  one("lstm", "steps", "rows share their state's places", "group * 2u * half", "0u"),
  one("lstm", "steps-local", "a launch begins with no state", "was[r] = y[", "was[r] = 0.0 * y["),
  loop(
    "gru",
    "the reset gate before the product's bias, ONNX's default",
    "fma(v0, s2, x2)",
    "fma(v0, s2 - hiddenBias2, x2 + hiddenBias2)",
  ),
  loop("gru", "r and z change places", "fma(v1, before - v2, v2)", "fma(v0, before - v2, v2)"),
  loop("gru", "z lets n through", "fma(v1, before - v2, v2)", "fma(1.0 - v1, before - v2, v2)"),
  loop("gru", "the state before is forgotten", "before - v2", "0.0 * before - v2"),
  loop("rnn", "no function of the sum", "let made = tanhOf(x0 + s0);", "let made = x0 + s0;"),
  loop("rnnRelu", "a leak below 0", "max(x, vec4<f32>())", "max(x, 0.01 * x)"),
  loop("lstmGradient", "the cell's share is not carried", "let onward = dc * v1;", "let onward = 0.0 * dc;"),
  loop("lstmGradient", "the cell of the same step", "vec4<u32>(earlier)", "vec4<u32>(t)"),
  loop("lstmGradient", "through tanh as if it were the identity", "(1.0 - s) * (1.0 + s)", "vec4<f32>(1.0)"),
  loop("lstmGradient", "the sums behind do not count", "+ sums[own + u * 4u", "+ 0.0 * sums[own + u * 4u"),
  loop("lstmGradient", "a reversed row's first step has a cell", "vec4<i32>(i32(earlier)) < lasts", "vec4<bool>(true)"),
  loop("gruGradient", "d of n's hidden sum without the reset gate", "let e2 = d2 * v0;", "let e2 = d2;"),
  loop("gruGradient", "state goes on without z", "let onward = all * v1;", "let onward = all;"),
  loop("gruGradient", "what is carried is left out", "let all = dh + carry;", "let all = dh;"),
  loop(
    "rnnGradient",
    "tanh's derivative is 1 throughout",
    "let out = vec4<f32>(",
    "let out = vec4<f32>(0.0) * vec4<f32>(",
  ),
  loop("rnnReluGradient", "a gradient where nothing came out", "y > vec4<f32>()", "y >= vec4<f32>()"),
  one("previousSteps", "flat", "the first step has one before it", "select(x[at], 0.0, edge)", "x[at]"),
  one("lastStep", "flat", "the last step whatever the length", "max(count, 1u) - 1u", "params.steps - 1u"),
  one("lastStep", "flat", "a row without steps has one", ", count > 0u)", ", true)"),
  one("lastStepGradient", "flat", "one step later", "t + 1u ==", "t =="),
  one("meanSteps", "flat", "divided by all steps", "max(count, 1u)", "params.steps"),
  one("meanStepsGradient", "flat", "steps beyond the length have a share", "t < count", "t < params.steps"),
];

/** The same in forms of the loop that others of the list have shown already. */
export const otherFormMutants: readonly Mutant[] = [
  one("gru", "steps", "r and z change places", "fma(v1, before - v2, v2)", "fma(v0, before - v2, v2)"),
  one("gru", "steps-local", "the state before is forgotten", "before - v2", "0.0 * before - v2"),
  one("rnn", "steps-local", "no function of the sum", "let made = tanhOf(x0 + s0);", "let made = x0 + s0;"),
  one("rnnRelu", "steps", "a leak below 0", "max(x, vec4<f32>())", "max(x, 0.01 * x)"),
  one("lstmGradient", "steps", "the cell's share is not carried", "let onward = dc * v1;", "let onward = 0.0 * dc;"),
  one("lstmGradient", "steps-local", "the cell of the same step", "vec4<u32>(earlier)", "vec4<u32>(t)"),
  one("gruGradient", "steps", "state goes on without z", "let onward = all * v1;", "let onward = all;"),
  one("gruGradient", "steps-local", "what is carried is left out", "let all = dh + carry;", "let all = dh;"),
  one(
    "rnnGradient",
    "steps",
    "tanh's derivative is 1 throughout",
    "let out = vec4<f32>(",
    "let out = vec4<f32>(0.0) * vec4<f32>(",
  ),
  one("rnnReluGradient", "steps-local", "a gradient where nothing came out", "y > vec4<f32>()", "y >= vec4<f32>()"),
  one(
    "lstmGradient",
    "steps-few",
    "all rows carry the first one's",
    "carry = carried[kept][v]",
    "carry = carried[kept][0u]",
  ),
  one("lstm", "steps-few", "every second term is left out", "row0_1, fma", "vec4<f32>(), fma"),
  one("gru", "steps-few", "the last row is left out", "params.rows - first)", "params.rows - first - 1u)"),
];

export const recurrentChipMutants: readonly ChipMutant[] = [
  ["lstm", "the bias of the state is left out", /let s0 = (n\d+) \+ [^;]+;/, "let s0 = $1;"],
  ["lstm", "the cell is that of no step", /let cell = values[^;]+;/, "let cell = 0.0;"],
  ["gru", "z the other way round", "fma(kept1, before - kept2, kept2)", "fma(kept1, kept2 - before, before)"],
  ["rnn", "the state before is left out", /let s0 = n\d+ \+/, "let s0 ="],
  ["rnnRelu", "the input's bias is left out", /let x0 = (.+) \+ [^;]+;/, "let x0 = $1;"],
  ["lstmGradient", "the cell's share is not carried", /let carry = carried\[[^;]+;/, "let carry = 0.0;"],
  [
    "lstmGradient",
    "a reversed row's first step has a cell",
    /let cell = select\(0\.0, (.+), n\d+\);/,
    "let cell = $1;",
  ],
  ["gruGradient", "d of n's hidden sum without the reset gate", "let e2 = d2 * kept0;", "let e2 = d2;"],
  ["rnnGradient", "the step behind is left out", /let dh = (.+) \+ n\d+;/, "let dh = $1;"],
  ["rnnReluGradient", "a row has no end", /select\(0\.0, d0, n\d+\)/, "d0"],
  ["lastStep", "the step behind the last", "+ 1u == count", "== count"],
  ["lastStepGradient", "the step behind the last", "+ 1u == count", "== count"],
  ["meanSteps", "a sum", "sum * share", "sum"],
  ["meanStepsGradient", "that of a sum", " * share;", ";"],
  ["previousSteps", "the first step has one before it", " = 0.0;", " = 1.0;"],
];
