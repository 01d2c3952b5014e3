import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import { DEPTHS, matmulDims } from "./dims.ts";
import type { MatmulDims } from "./rungs.ts";

/** No dimension is halved below this: kernels of blocks would have nothing to show. */
const LEAST = 64;
/** A kernel that takes sums in turns has other code where one turn is enough. */
const LEAST_TERMS = 2 * LEAST;
/** Of more terms those are halved first: as many workgroups are then at work as on the whole problem. */
const ENOUGH_TERMS = 512;

/** Inputs of a product with one dimension halved, for which every kernel has the same code; null where it is small already. */
export function halveProduct(form: MatmulForm, inputs: readonly TensorSpec[]): readonly TensorSpec[] | null {
  const dims = matmulDims(form, inputs[0]!, inputs[1]!);
  const able = (["M", "N", "K"] as const).filter((d) => dims[d] >= 2 * (d === "K" ? LEAST_TERMS : LEAST));
  if (able.length === 0) return null;
  const longest = dims.K > ENOUGH_TERMS ? "K" : able.reduce((a, b) => (dims[b] > dims[a] ? b : a));
  // What divides it goes on dividing it: whether kernels can read vec4, and whether blocks have all their terms.
  const unit = [...(longest === "K" ? DEPTHS : []), 4].find((n) => dims[longest] % n === 0) ?? 1;
  const half = Math.ceil(dims[longest] / 2 / unit) * unit;
  return inputs.map((t, i) => ({ ...t, shape: shapeOf({ ...dims, [longest]: half }, t, i) }));
}

function shapeOf({ form, M, N, K }: MatmulDims, t: TensorSpec, i: number): readonly number[] {
  if (i === 0) return form === "TN" ? [K, M] : [M, K];
  if (i === 1) return form === "NT" ? [N, K] : [K, N];
  return t.shape.length === 1 ? [N] : [M, N];
}

/** Inputs of a product of which only some rows of the result are computed: A's, and those of what else has rows of C. */
export function cutRows(form: MatmulForm, inputs: readonly NdArray[], rows: readonly number[]): readonly NdArray[] {
  return inputs.map((x, i) => (i === 1 || x.shape.length !== 2 ? x : pick(x, rows, i === 0 && form === "TN")));
}

/** Some rows of a matrix, or some columns. */
function pick(x: NdArray, which: readonly number[], columns: boolean): NdArray {
  const [height, width] = x.shape as readonly [number, number];
  const shape = columns ? [height, which.length] : [which.length, width];
  const across = shape[1]!;
  const from = (row: number, column: number): number =>
    columns ? row * width + which[column]! : which[row]! * width + column;
  const data = Array.from({ length: shape[0]! * across }, (_, e) => x.data[from(Math.floor(e / across), e % across)]!);
  return ndarray(shape, "f64", data);
}
