import { flatMain, read, rowMain, storage, sumReduce, write } from "../common.ts";
import {
  expSum,
  largest,
  ROW_WORKGROUP,
  rowMax,
  rowParams,
  rowSum,
  STRIDE,
  shortRowParams,
  softmaxOf,
} from "../norm/rows.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { alone, type CrossEntropyPart, crossEntropyAloneParams } from "./cross-entropy.ts";

/*
 * Cross-entropy with class weights w and label smoothing s, as torch.nn.CrossEntropyLoss has it: with N classes, and
 * the term of class c of a row t(c) = log(sum exp(x - max)) - (x[c] - max), a row's loss is
 *   ((1 - s) w[label] t(label) + s / N sum over c of w[c] t(c)) / sums[0],
 * where sums holds the sum of w[label] over the rows, and that of w over the classes. A row whose label is negative has
 * no part in it.
 */

const declarations = (part: CrossEntropyPart, losses = "losses"): string =>
  storage(
    read("x"),
    read("labels", "i32"),
    ...(part === "loss" ? [] : [read("dloss")]),
    read("weights"),
    read("sums"),
    ...(part === "gradient" ? [] : [write(losses)]),
    ...(part === "loss" ? [] : [write("dx")]),
  );

/** t(c) from the logit of c. */
export const termOfClass = (x: string): string => `logSum - (${x} - top)`;
/** From `own`, the label's weight, and `spread`, the weighted sum of all terms. */
export const weightedLossOfRow = (x: string, total: string): string =>
  `((1.0 - smoothing) * own * (${termOfClass(x)}) + share * spread) / ${total}`;
/** From `p`, a logit's softmax, and `weight`, its class's. */
export const weightedGradientOfLogit = (j: string, label: string, weight: string, all: string): string =>
  `((1.0 - smoothing) * own * (p - select(0.0, 1.0, ${j} == u32(${label}))) + share * (${all} * p - ${weight})) * scale`;

/** What a row's elements need; `smoothing` is a number of the kernel. */
const numbers = (row: string, smoothing: string): string => `
  let smoothing = ${smoothing};
  let counts = labels[${row}] >= 0;
  let share = select(0.0, smoothing / f32(params.N), counts);
  let label = u32(max(labels[${row}], 0));
  let own = select(0.0, weights[label], counts);
  let logSum = log(sum);
`;
const addTerm = `spread = fma(weights[j], ${termOfClass("x[start + j]")}, spread);`;
const rowLoss = weightedLossOfRow("x[start + label]", "sums[0]");
const rowGradient = `
    let p = ${softmaxOf("x[start + j]")};
    dx[start + j] = ${weightedGradientOfLogit("j", "label", "weights[j]", "sums[1]")};
`;

/** A workgroup a row; `params.extra` is the smoothing. */
export function weightedCrossEntropyRows(part: CrossEntropyPart): string {
  return wgsl`
${rowParams.wgsl}
${declarations(part)}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest}
${expSum}
${numbers("row", "params.extra")}
#if ${part !== "gradient"}
  var spread = 0.0;
  for (var j = local; j < params.N; j += ${STRIDE}) { ${addTerm} }
  spread = reduceSum(spread, local);
  if (local == 0u) { losses[row] = ${rowLoss}; }
#endif
#if ${part !== "loss"}
  let scale = dloss[0] / sums[0];
  for (var j = local; j < params.N; j += ${STRIDE}) { ${rowGradient} }
#endif
`,
  ROW_WORKGROUP,
)}
`;
}

/** An invocation's row, from its maximum and sum on. */
const shortRow = (part: CrossEntropyPart, row: string, smoothing: string, loss: (value: string) => string): string =>
  wgsl`
${alone(row)}
${numbers(row, smoothing)}
#if ${part !== "gradient"}
  var spread = 0.0;
  for (var j = 0u; j < params.N; j++) { ${addTerm} }
  ${loss(rowLoss)}
#endif
#if ${part !== "loss"}
  let scale = dloss[0] / sums[0];
  for (var j = 0u; j < params.N; j++) { ${rowGradient} }
#endif
`;

/** An invocation a row. */
export function weightedCrossEntropyShortRows(part: CrossEntropyPart): string {
  return wgsl`
${shortRowParams.wgsl}
${declarations(part)}
${flatMain(shortRow(part, "i", "params.extra", (value) => `losses[i] = ${value};`))}
`;
}

/** Loss and gradient of a batch of short rows by one workgroup; `params.scale` is the smoothing. */
export function weightedCrossEntropyAlone(): string {
  return wgsl`
${crossEntropyAloneParams.wgsl}
${declarations("both", "loss")}
${rowSum}
@compute @workgroup_size(${ROW_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var total = 0.0;
  for (var row = local; row < params.rows; row += ${STRIDE}) {
${shortRow("both", "row", "params.scale", (value) => `total += ${value};`)}
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

/** sums [2]: weights[label] over the rows that count, and weights over the classes. */
export function classWeightSums(): string {
  return wgsl`
${classWeightSumsParams.wgsl}
${storage(read("labels", "i32"), read("weights"), write("sums"))}
${sumReduce(SUMS_WORKGROUP)}
@compute @workgroup_size(${SUMS_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var rows = 0.0;
  for (var i = local; i < params.rows; i += ${SUMS_WORKGROUP}u) {
    rows += select(0.0, weights[u32(max(labels[i], 0))], labels[i] >= 0);
  }
  var classes = 0.0;
  for (var j = local; j < params.N; j += ${SUMS_WORKGROUP}u) { classes += weights[j]; }
  rows = reduceSum(rows, local);
  classes = reduceSum(classes, local);
  if (local == 0u) { sums[0] = ${nanForNone("rows")}; sums[1] = classes; }
}
`;
}
