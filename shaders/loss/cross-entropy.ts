import { flatMain, read, rowMain, storage, write } from "../common.ts";
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

/** What a kernel computes: each row's loss, the gradient of the logits, or both. */
export type CrossEntropyPart = "loss" | "gradient" | "both";

const declarations = (part: CrossEntropyPart, losses = "losses"): string =>
  storage(
    read("x"),
    read("labels", "i32"),
    ...(part === "loss" ? [] : [read("dloss")]),
    ...(part === "gradient" ? [] : [write(losses)]),
    ...(part === "loss" ? [] : [write("dx")]),
  );

/** log(sum exp(x - max)) - (x[label] - max), from the label's own logit: never the logarithm of a probability. */
export const lossOfRow = (own: string): string => `log(sum) - (${own} - top)`;
const rowLoss = (row: string): string => lossOfRow(`x[start + u32(labels[${row}])]`);
/** (softmax(x) - onehot(label)) dloss / rows */
export const gradientOfLogit = (x: string, j: string, label: string): string =>
  `(${softmaxOf(x)} - select(0.0, 1.0, ${j} == u32(${label}))) * scale`;
const rowGradient = (row: string): string =>
  `dx[start + j] = ${gradientOfLogit("x[start + j]", "j", `labels[${row}]`)};`;

/** A workgroup a row. */
export function crossEntropyRows(part: CrossEntropyPart): string {
  return wgsl`
${rowParams.wgsl}
${declarations(part)}
${rowSum}
${rowMax}
${rowMain(
  wgsl`
${largest}
${expSum}
#if ${part !== "gradient"}
  if (local == 0u) { losses[row] = ${rowLoss("row")}; }
#endif
#if ${part !== "loss"}
  let scale = dloss[0] * params.extra;
  for (var j = local; j < params.N; j += ${STRIDE}) { ${rowGradient("row")} }
#endif
`,
  ROW_WORKGROUP,
)}
`;
}

/** Maximum and sum of row `row` by one invocation. */
export const alone = (row: string): string => wgsl`
  let start = ${row} * params.N;
  var top = x[start];
  for (var j = 1u; j < params.N; j++) { top = max(top, x[start + j]); }
  var sum = 0.0;
  for (var j = 0u; j < params.N; j++) { sum += exp(x[start + j] - top); }
`;

/** An invocation a row: for rows so short that a workgroup would mostly wait for itself. */
export function crossEntropyShortRows(part: CrossEntropyPart): string {
  return wgsl`
${shortRowParams.wgsl}
${declarations(part)}
${flatMain(wgsl`
${alone("i")}
#if ${part !== "gradient"}
  losses[i] = ${rowLoss("i")};
#endif
#if ${part !== "loss"}
  let scale = dloss[0] * params.extra;
  for (var j = 0u; j < params.N; j++) { ${rowGradient("i")} }
#endif
`)}
`;
}

export const crossEntropyAloneParams = paramBlock({ rows: "u32", N: "u32", scale: "f32" });

/** Mean loss and gradient of a batch of short rows by one workgroup, and nothing left to add up. */
export function crossEntropyAlone(): string {
  return wgsl`
${crossEntropyAloneParams.wgsl}
${declarations("both", "loss")}
${rowSum}
@compute @workgroup_size(${ROW_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  let scale = dloss[0] * params.scale;
  var total = 0.0;
  for (var row = local; row < params.rows; row += ${STRIDE}) {
${alone("row")}
    total += ${rowLoss("row")};
    for (var j = 0u; j < params.N; j++) { ${rowGradient("row")} }
  }
  total = reduceSum(total, local);
  if (local == 0u) { loss[0] = total * params.scale; }
}
`;
}
