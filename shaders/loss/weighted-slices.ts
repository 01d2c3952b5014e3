import { eachLane, flatMain, flatType, maxReduce, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { ROW_WORKGROUP, rowElements, softmaxOf } from "../norm/rows.ts";
import { paramBlock } from "../params.ts";
import { range, wgsl } from "../wgsl.ts";
import type { CrossEntropyPart } from "./cross-entropy.ts";
import { numbers, weightedGradientOfLogit, weightedLossOfRow } from "./weighted-cross-entropy.ts";

/*
 * Rows of a vocabulary are few and long: a workgroup a row leaves most of a GPU idle, and waits for memory in every turn of
 * three loops. So a row is cut into slices, a workgroup each, whose invocations read all that they have of one at once. A
 * first kernel finds what a slice knows of itself; a second one puts together those of a row; a third one, which goes
 * through all logits as one stretch, makes their gradient. By fours it does not matter whether rows are whole ones, as those
 * of 50,257 classes are not: in a four at a row's edge the first two leave the neighbour's numbers out, and the third one
 * takes each number by its own row.
 */

/** Invocations of a workgroup of slices, and elements, or fours, that each has. */
const WORKGROUP = 256;
const EACH = 2;

/** Slices of rows of N elements; a row that begins within a four takes part in one more. */
export const slicesOf = (N: number, four: boolean): number =>
  Math.ceil((four ? Math.ceil((N + (N % 4 === 0 ? 0 : 3)) / 4) : N) / (EACH * WORKGROUP));

/** `rows` counts the slices of all rows, of which each has `slices`; `extra` is the smoothing. */
export const sliceParams = paramBlock({ rows: "u32", N: "u32", extra: "f32", slices: "u32" });

/** A place, or four neighbours'. */
const placesType = (four: boolean): string => (four ? "vec4<u32>" : "u32");
const placesFrom = (first: string, four: boolean): string =>
  four ? `4u * (${first}) + vec4<u32>(0u, 1u, 2u, 3u)` : first;

/** How far the classes' logits lie below a slice's largest, weighted, and their weights: what smoothing needs. */
function spreadOfSlice(four: boolean): string {
  const type = flatType(four);
  const weight = (t: number): string =>
    eachLane(four, (lane) => `weights[min(max(at${t}${lane}, begin) - begin, params.N - 1u)]`);
  return range(EACH)
    .map(
      (t) => `
    let w${t} = ${weight(t)};
    spreads += select(${type}(), w${t} * (top - x${t}), in${t});
    shares += select(${type}(), w${t}, in${t});`,
    )
    .join("");
}

/**
 * parts [slices of all rows]: the largest logit of each slice, the sum of exp(x - that), and with smoothing the sums of
 * w (that - x) and of w. A slice in which its row has nothing has a sum of 0.
 */
export function sliceParts(four: boolean): string {
  const type = flatType(four);
  const places = placesType(four);
  const { total, most } = rowElements({ four });
  const lowest = `${type}(-3.4028234e38)`;
  const elements = range(EACH).map(
    (t) => `
  let x${t} = x[min(first + ${t * WORKGROUP}u, (end - 1u)${four ? " / 4u" : ""})];
  let at${t} = ${placesFrom(`first + ${t * WORKGROUP}u`, four)};
  let in${t} = (at${t} >= ${places}(begin)) & (at${t} < ${places}(end));`,
  );
  const tops = range(EACH).reduce((top, t) => `max(${top}, select(${lowest}, x${t}, in${t}))`, lowest);
  const terms = range(EACH).map((t) => `select(${type}(), exp(x${t} - top), in${t})`);
  return wgsl`
${sliceParams.wgsl}
${storage(read("x", type), read("weights"), write("parts", "vec4<f32>"))}
${maxReduce(WORKGROUP)}
${sumReduce(WORKGROUP)}
${rowMain(
  wgsl`
  let begin = row / params.slices * params.N;
  let end = begin + params.N;
  let first = begin${four ? " / 4u" : ""} + row % params.slices * ${EACH * WORKGROUP}u + local;
${elements.join("")}
  let tops = ${tops};
  let top = reduceMax(${most("tops")}, local);
  let ownSum = ${terms.join(" + ")};
  let sum = reduceSum(${total("ownSum")}, local);
  var spread = 0.0;
  var share = 0.0;
  if (params.extra > 0.0) {
    var spreads = ${type}();
    var shares = ${type}();
${spreadOfSlice(four)}
    spread = reduceSum(${total("spreads")}, local);
    share = reduceSum(${total("shares")}, local);
  }
  if (local == 0u) { parts[row] = vec4<f32>(top, sum, spread, share); }
`,
  WORKGROUP,
)}
`;
}

/** `rows` counts rows here. */
export const slicedRowParams = sliceParams;

/**
 * From a row's parts: its loss, and for the gradient rows [rows], of each its largest logit, the sum of exp(x - that), the
 * label's weight and the share of every class; no weight and no share of a row that does not count.
 */
export function slicedRows(part: CrossEntropyPart): string {
  const [loss, gradient] = [part !== "gradient", part !== "loss"];
  return wgsl`
${slicedRowParams.wgsl}
${storage(
  ...[read("parts", "vec4<f32>"), read("labels", "i32"), read("weights")],
  ...(loss ? [read("x"), read("sums"), write("losses")] : []),
  ...(gradient ? [write("rows", "vec4<f32>")] : []),
)}
${maxReduce(ROW_WORKGROUP)}
${sumReduce(ROW_WORKGROUP)}
${rowMain(
  wgsl`
  let first = row * params.slices;
  var most = -3.4028234e38;
  for (var s = local; s < params.slices; s += ${ROW_WORKGROUP}u) { most = max(most, parts[first + s].x); }
  let top = reduceMax(most, local);
  var all = 0.0;
  for (var s = local; s < params.slices; s += ${ROW_WORKGROUP}u) {
    let slice = parts[first + s];
    all += slice.y * exp(slice.x - top);
  }
  let sum = reduceSum(all, local);
${numbers("row", "params.extra", false)}
#if ${loss}
  // Of no negative term, as the sum of w (logSum - (x - top)) itself is.
  var spreads = 0.0;
  for (var s = local; s < params.slices; s += ${ROW_WORKGROUP}u) {
    let slice = parts[first + s];
    spreads += select(0.0, slice.z + (logSum + (top - slice.x)) * slice.w, slice.y > 0.0);
  }
  let spread = reduceSum(spreads, local);
#endif
  if (local == 0u) {
#if ${loss}
    losses[row] = ${weightedLossOfRow("x[row * params.N + label]", "sums[0]")};
#endif
#if ${gradient}
    rows[row] = vec4<f32>(top, sum, own, share);
#endif
  }
`,
  ROW_WORKGROUP,
)}
`;
}

/** `size` logits, or fours of them, of rows of N; `smoothing` as it is. */
export const slicedGradientParams = paramBlock({ size: "u32", rows: "u32", N: "u32", smoothing: "f32" });

/** dx of x, from what `slicedRows` found. */
export function slicedGradient(four: boolean): string {
  const type = flatType(four);
  const places = placesType(four);
  const either = (a: string, b: string, of: string = type): string => `select(${of}(${a}), ${of}(${b}), behind)`;
  return wgsl`
${slicedGradientParams.wgsl}
${storage(
  ...[read("x", type), read("labels", "i32"), read("dloss"), read("weights"), read("sums")],
  ...[read("rows", "vec4<f32>"), write("dx", type)],
)}
${flatMain(wgsl`
  let v = x[i];
  let at = ${placesFrom("i", four)};
  let row = at${four ? ".x" : ""} / params.N;
  let a = rows[row];
  let labelA = u32(max(labels[row], 0));
#if ${four}
  // The row behind, which begins within this four now and then.
  let next = min(row + 1u, params.rows - 1u);
  let b = rows[next];
  let labelB = u32(max(labels[next], 0));
  let behind = at >= vec4<u32>((row + 1u) * params.N);
  let top = ${either("a.x", "b.x")};
  let sum = ${either("a.y", "b.y")};
  let own = ${either("a.z", "b.z")};
  let share = ${either("a.w", "b.w")};
  let label = ${either("labelA", "labelB", places)};
  let class0 = at - ${either("row * params.N", "(row + 1u) * params.N", places)};
#else
  let top = a.x;
  let sum = a.y;
  let own = a.z;
  let share = a.w;
  let label = labelA;
  let class0 = at - row * params.N;
#endif
  let smoothing = params.smoothing;
  let scale = dloss[0] / sums[0];
  var w = ${type}();
  if (smoothing > 0.0) { w = ${eachLane(four, (lane) => `weights[class0${lane}]`)}; }
  let p = ${softmaxOf("v")};
  dx[i] = ${weightedGradientOfLogit(`${type}(class0 == label)`, "w", "sums[1]")};
`)}
`;
}
