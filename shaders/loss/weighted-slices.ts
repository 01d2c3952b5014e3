import { maxReduce, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { numberAt, rowElements, softmaxOf } from "../norm/rows.ts";
import { paramBlock } from "../params.ts";
import { range, wgsl } from "../wgsl.ts";
import { type CrossEntropyPart, isLabel } from "./cross-entropy.ts";
import { numbers, spreadOf, weightedGradientOfLogit, weightedLossOfRow } from "./weighted-cross-entropy.ts";

/*
 * Rows of a vocabulary are few and long: a workgroup a row leaves most of a GPU idle, and waits for memory in every turn of
 * three loops. So a row is cut into slices, a workgroup each, whose invocations read all that they have of one at once. A
 * first kernel finds each slice's largest and the sum of exp(x - that); a second one puts together those of a row, and does
 * the slice's part.
 */

/** Invocations of a workgroup, and elements, or fours, that each has. */
const WORKGROUP = 256;
const EACH = 2;

/** Elements of a slice. */
export const sliceWidth = (four: boolean): number => (four ? 4 : 1) * EACH * WORKGROUP;

/** `rows` counts the slices of all rows, of which each has `slices`; `extra` is the smoothing. */
export const sliceParams = paramBlock({ rows: "u32", N: "u32", extra: "f32", slices: "u32" });

const reductions = `${maxReduce(WORKGROUP)}${sumReduce(WORKGROUP)}`;

/** Which slice of which row this is, and the places j0, j1, ... of an invocation's elements, which may lie behind the row. */
const place = (four: boolean): string => wgsl`
  let width = ${rowElements({ four }).length};
  let mine = row / params.slices;
  let slice = row % params.slices;
  let start = mine * width;
${range(EACH)
  .map((t) => `  let j${t} = slice * ${EACH * WORKGROUP}u + ${t * WORKGROUP}u + local;`)
  .join("\n")}
`;

/** `array`'s elements at those places, as `name`0, `name`1, ...; behind the row the last one again. */
const loads = (name: string, array: string, first = ""): string =>
  range(EACH)
    .map((t) => `  let ${name}${t} = ${array}[${first}min(j${t}, width - 1u)];`)
    .join("\n");

/** parts [slices of all rows, 2]: the largest logit of each slice, and the sum of exp(x - that). */
export function sliceParts(four: boolean): string {
  const { type, total, most } = rowElements({ four });
  const tops = range(EACH).reduce((top, t) => `max(${top}, x${t})`, `${type}(-3.4028234e38)`);
  const terms = range(EACH).map((t) => `select(${type}(), exp(x${t} - top), j${t} < width)`);
  return wgsl`
${sliceParams.wgsl}
${storage(read("x", type), write("parts"))}
${reductions}
${rowMain(
  wgsl`
${place(four)}
${loads("x", "x", "start + ")}
  let tops = ${tops};
  let top = reduceMax(${most("tops")}, local);
  let ownSum = ${terms.join(" + ")};
  let sum = reduceSum(${total("ownSum")}, local);
  if (local == 0u) { parts[2u * row] = top; parts[2u * row + 1u] = sum; }
`,
  WORKGROUP,
)}
`;
}

/** From parts: losses [slices of all rows], whose sum is the loss, and a slice's dx. */
export function slicedCrossEntropy(part: CrossEntropyPart, four: boolean): string {
  const { type, total } = rowElements({ four });
  const [loss, gradient] = [part !== "gradient", part !== "loss"];
  const arrays = [
    ...[read("x", type), read("labels", "i32"), ...(gradient ? [read("dloss")] : [])],
    ...[read("weights", type), read("sums"), read("parts")],
    ...[...(loss ? [write("losses")] : []), ...(gradient ? [write("dx", type)] : [])],
  ];
  const slopes = range(EACH).map((t) => {
    const slope = weightedGradientOfLogit(isLabel(`j${t}`, "label", four), `w${t}`, "sums[1]");
    return `  if (j${t} < width) { let p = ${softmaxOf(`x${t}`)}; dx[start + j${t}] = ${slope}; }`;
  });
  const end = `min(width, (slice + 1u) * ${EACH * WORKGROUP}u)`;
  return wgsl`
${sliceParams.wgsl}
${storage(...arrays)}
${reductions}
${rowMain(
  wgsl`
${place(four)}
#if ${gradient}
${loads("x", "x", "start + ")}
${loads("w", "weights")}
#endif
  let first = 2u * mine * params.slices;
  var most = -3.4028234e38;
  for (var s = local; s < params.slices; s += ${WORKGROUP}u) { most = max(most, parts[first + 2u * s]); }
  let top = reduceMax(most, local);
  var all = 0.0;
  for (var s = local; s < params.slices; s += ${WORKGROUP}u) {
    all += parts[first + 2u * s + 1u] * exp(parts[first + 2u * s] - top);
  }
  let sum = reduceSum(all, local);
${numbers("mine", "params.extra", four)}
#if ${loss}
${spreadOf("j0", `${WORKGROUP}u`, four, end)}
  let spread = reduceSum(${total("spreads")}, local);
  if (local == 0u) {
    // The label's term is one slice's.
    let here = label / ${sliceWidth(four)}u == slice;
    let own = select(0.0, own, here);
    losses[row] = ${weightedLossOfRow(`select(top, ${numberAt("x", "label", four, "start + ")}, here)`, "sums[0]")};
  }
#endif
#if ${gradient}
  let scale = dloss[0] / sums[0];
${slopes.join("\n")}
#endif
`,
  WORKGROUP,
)}
`;
}
