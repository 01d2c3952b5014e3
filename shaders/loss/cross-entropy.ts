import { flatMain, flatType, read, rowMain, storage, write } from "../common.ts";
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

/** What a kernel computes: each row's loss, the gradient of the logits, or both. */
export type CrossEntropyPart = "loss" | "gradient" | "both";

const declarations = (part: CrossEntropyPart, four: boolean, losses = "losses"): string =>
  storage(
    read("x", flatType(four)),
    read("labels", "i32"),
    ...(part === "loss" ? [] : [read("dloss")]),
    ...(part === "gradient" ? [] : [write(losses)]),
    ...(part === "loss" ? [] : [write("dx", flatType(four))]),
  );

/** log(sum exp(x - max)) - (x[label] - max), from the label's own logit: never the logarithm of a probability. */
export const lossOfRow = (own: string): string => `log(sum) - (${own} - top)`;
const rowLoss = (row: string, four: boolean): string =>
  lossOfRow(numberAt("x", `u32(labels[${row}])`, four, "start + "));
/** 1 for the class `label`, 0 for others; of classes 4 j and on where they are taken by fours. */
export const isLabel = (j: string, label: string, four = false): string =>
  four
    ? `vec4<f32>(4u * ${j} + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(u32(${label})))`
    : `select(0.0, 1.0, ${j} == u32(${label}))`;
/** (softmax(x) - onehot(label)) dloss / rows */
export const gradientOfLogit = (x: string, label: string): string => `(${softmaxOf(x)} - ${label}) * scale`;
const rowGradient = (row: string, four: boolean): string =>
  `dx[start + j] = ${gradientOfLogit("x[start + j]", isLabel("j", `labels[${row}]`, four))};`;

/** A workgroup a row. */
export function crossEntropyRows(part: CrossEntropyPart, four: boolean): string {
  return wgsl`
${rowParams.wgsl}
${declarations(part, four)}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest(four)}
${expSum(four)}
#if ${part !== "gradient"}
  if (local == 0u) { losses[row] = ${rowLoss("row", four)}; }
#endif
#if ${part !== "loss"}
  let scale = dloss[0] * params.extra;
  for (var j = local; j < width; j += ${STRIDE}) { ${rowGradient("row", four)} }
#endif
`,
  ROW_WORKGROUP,
)}
`;
}

/** Maximum and sum of row `row` by one invocation. */
export function alone(row: string, four: boolean): string {
  const { type, length, total, most } = rowElements({ four });
  return wgsl`
  let width = ${length};
  let start = ${row} * width;
  var tops = x[start];
  for (var j = 1u; j < width; j++) { tops = max(tops, x[start + j]); }
  let top = ${most("tops")};
  var ownSum = ${type}();
  for (var j = 0u; j < width; j++) { ownSum += exp(x[start + j] - top); }
  let sum = ${total("ownSum")};
`;
}

/** An invocation a row: for rows so short that a workgroup would mostly wait for itself. */
export function crossEntropyShortRows(part: CrossEntropyPart, four: boolean): string {
  return wgsl`
${shortRowParams.wgsl}
${declarations(part, four)}
${flatMain(wgsl`
${alone("i", four)}
#if ${part !== "gradient"}
  losses[i] = ${rowLoss("i", four)};
#endif
#if ${part !== "loss"}
  let scale = dloss[0] * params.extra;
  for (var j = 0u; j < width; j++) { ${rowGradient("i", four)} }
#endif
`)}
`;
}

export const crossEntropyAloneParams = paramBlock({ rows: "u32", N: "u32", scale: "f32" });

/** Mean loss and gradient of a batch of short rows by one workgroup, and nothing left to add up. One by one: there fours are slower on a CPU's adapter. */
export function crossEntropyAlone(): string {
  return wgsl`
${crossEntropyAloneParams.wgsl}
${declarations("both", false, "loss")}
${rowSum}
@compute @workgroup_size(${ROW_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  let scale = dloss[0] * params.scale;
  var total = 0.0;
  for (var row = local; row < params.rows; row += ${STRIDE}) {
${alone("row", false)}
    total += ${rowLoss("row", false)};
    for (var j = 0u; j < width; j++) { ${rowGradient("row", false)} }
  }
  total = reduceSum(total, local);
  if (local == 0u) { loss[0] = total * params.scale; }
}
`;
}
