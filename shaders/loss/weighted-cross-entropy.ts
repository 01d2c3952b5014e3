import { flatMain, flatType, read, rowMain, storage, sumReduce, write } from "../common.ts";
import {
  expSum,
  largest,
  numberAt,
  ROW_WORKGROUP,
  rowElements,
  rowMax,
  rowParams,
  rowSum,
  STRIDE,
  shortRowParams,
  softmaxOf,
} from "../norm/rows.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { alone, type CrossEntropyPart, crossEntropyAloneParams, isLabel } from "./cross-entropy.ts";

/*
 * Cross-entropy with class weights w and label smoothing s, as torch.nn.CrossEntropyLoss has it: with N classes, and
 * the term of class c of a row t(c) = log(sum exp(x - max)) - (x[c] - max), a row's loss is
 *   ((1 - s) w[label] t(label) + s / N sum over c of w[c] t(c)) / sums[0],
 * where sums holds the sum of w[label] over the rows, and that of w over the classes. A row whose label is negative has
 * no part in it.
 */

const declarations = (part: CrossEntropyPart, four: boolean, losses = "losses"): string =>
  storage(
    read("x", flatType(four)),
    read("labels", "i32"),
    ...(part === "loss" ? [] : [read("dloss")]),
    read("weights", flatType(four)),
    read("sums"),
    ...(part === "gradient" ? [] : [write(losses)]),
    ...(part === "loss" ? [] : [write("dx", flatType(four))]),
  );

/** t(c) from the logit of c. */
export const termOfClass = (x: string): string => `logSum - (${x} - top)`;
/** From `own`, the label's weight, and `spread`, the weighted sum of all terms. */
export const weightedLossOfRow = (x: string, total: string): string =>
  `((1.0 - smoothing) * own * (${termOfClass(x)}) + share * spread) / ${total}`;
/** From `p`, a logit's softmax, `weight`, its class's, and whether it is the label's, as `isLabel` has it. */
export const weightedGradientOfLogit = (label: string, weight: string, all: string): string =>
  `((1.0 - smoothing) * own * (p - ${label}) + share * (${all} * p - ${weight})) * scale`;

/** What a row's elements need; `smoothing` is a number of the kernel. */
export const numbers = (row: string, smoothing: string, four: boolean): string => `
  let smoothing = ${smoothing};
  let counts = labels[${row}] >= 0;
  let share = select(0.0, smoothing / f32(params.N), counts);
  let label = u32(max(labels[${row}], 0));
  let own = select(0.0, ${numberAt("weights", "label", four)}, counts);
  let logSum = log(sum);
`;
/** Parts of `spread`: of the classes from `first` on, `step` apart. Without smoothing none of them counts. */
export const spreadOf = (first: string, step: string, four: boolean): string => wgsl`
  var spreads = ${flatType(four)}();
  for (var j = select(width, ${first}, smoothing > 0.0); j < width; j += ${step}) {
    spreads = fma(weights[j], ${termOfClass("x[start + j]")}, spreads);
  }
`;
const rowLoss = (four: boolean): string => weightedLossOfRow(numberAt("x", "label", four, "start + "), "sums[0]");
const rowGradient = (four: boolean): string => `
    let p = ${softmaxOf("x[start + j]")};
    dx[start + j] = ${weightedGradientOfLogit(isLabel("j", "label", four), "weights[j]", "sums[1]")};
`;

/** A workgroup a row; `params.extra` is the smoothing. */
export function weightedCrossEntropyRows(part: CrossEntropyPart, four: boolean): string {
  const { total } = rowElements({ four });
  return wgsl`
${rowParams.wgsl}
${declarations(part, four)}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest(four)}
${expSum(four)}
${numbers("row", "params.extra", four)}
#if ${part !== "gradient"}
${spreadOf("local", STRIDE, four)}
  let spread = reduceSum(${total("spreads")}, local);
  if (local == 0u) { losses[row] = ${rowLoss(four)}; }
#endif
#if ${part !== "loss"}
  let scale = dloss[0] / sums[0];
  for (var j = local; j < width; j += ${STRIDE}) { ${rowGradient(four)} }
#endif
`,
  ROW_WORKGROUP,
)}
`;
}

/** An invocation's row, from its maximum and sum on. */
const shortRow = (
  part: CrossEntropyPart,
  four: boolean,
  row: string,
  smoothing: string,
  loss: (value: string) => string,
): string => wgsl`
${alone(row, four)}
${numbers(row, smoothing, four)}
#if ${part !== "gradient"}
${spreadOf("0u", "1u", four)}
  let spread = ${rowElements({ four }).total("spreads")};
  ${loss(rowLoss(four))}
#endif
#if ${part !== "loss"}
  let scale = dloss[0] / sums[0];
  for (var j = 0u; j < width; j++) { ${rowGradient(four)} }
#endif
`;

/** An invocation a row. */
export function weightedCrossEntropyShortRows(part: CrossEntropyPart, four: boolean): string {
  return wgsl`
${shortRowParams.wgsl}
${declarations(part, four)}
${flatMain(shortRow(part, four, "i", "params.extra", (value) => `losses[i] = ${value};`))}
`;
}

/** Loss and gradient of a batch of short rows by one workgroup; `params.scale` is the smoothing. */
export function weightedCrossEntropyAlone(): string {
  return wgsl`
${crossEntropyAloneParams.wgsl}
${declarations("both", false, "loss")}
${rowSum}
@compute @workgroup_size(${ROW_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var total = 0.0;
  for (var row = local; row < params.rows; row += ${STRIDE}) {
${shortRow("both", false, "row", "params.scale", (value) => `total += ${value};`)}
  }
  total = reduceSum(total, local);
  if (local == 0u) { loss[0] = total; }
}
`;
}

export const classWeightSumsParams = paramBlock({ rows: "u32", N: "u32" });

/** Invocations that add up weights. */
const SUMS_WORKGROUP = 256;

/** A sum, as NaN where it is 0: no row counts, and a mean over none must not pass for a number. */
export const nanForNone = (sum: string): string =>
  `bitcast<f32>(select(bitcast<u32>(${sum}), 0x7fc00000u, ${sum} == 0.0))`;

/**
 * sums [2]: weights[label] over the rows that count, and weights over the classes. These are bound once more, to be taken one
 * by one or by `four`.
 */
export function classWeightSums(four: boolean): string {
  const { type, length, total } = rowElements({ four });
  return wgsl`
${classWeightSumsParams.wgsl}
${storage(read("labels", "i32"), read("weights"), read("inOrder", type), write("sums"))}
${sumReduce(SUMS_WORKGROUP)}
@compute @workgroup_size(${SUMS_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var rows = 0.0;
  for (var i = local; i < params.rows; i += ${SUMS_WORKGROUP}u) {
    rows += select(0.0, weights[u32(max(labels[i], 0))], labels[i] >= 0);
  }
  var classes = ${type}();
  for (var j = local; j < ${length}; j += ${SUMS_WORKGROUP}u) { classes += inOrder[j]; }
  rows = reduceSum(rows, local);
  let all = reduceSum(${total("classes")}, local);
  if (local == 0u) { sums[0] = ${nanForNone("rows")}; sums[1] = all; }
}
`;
}
