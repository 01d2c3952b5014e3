import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { type NdArray, type Shape, sizeOf, type TypedArray } from "../../core/ndarray.ts";
import { type ChipValue, type Index, index } from "../../graph/chip.ts";
import type { GraphBuilder, Op, Tensor } from "../../graph/op.ts";
import { permute } from "../shape/permute.ts";
import { reshape } from "../shape/reshape.ts";
import type { OnChip } from "../shared/chip.ts";
import { floatLike } from "../shared/rounding.ts";
import {
  type BatchedAttrs,
  type BatchedDims,
  batchedDims,
  batchedForm,
  batchedSpec,
  matrixAt,
} from "./batched-dims.ts";
import { batchedKernels } from "./batched-kernels.ts";
import { batchedTrial } from "./batched-trial.ts";
import { batchedCalls } from "./batched-wasm.ts";
import { sumRows } from "./bias.ts";
import { operandStrides } from "./dims.ts";
import { transposeMatmul } from "./matmul.ts";
import { product } from "./reference.ts";

export type { BatchedAttrs } from "./batched-dims.ts";

/** Matrix `at` of an array of them. */
export function matrix(x: NdArray, at: number): NdArray {
  const shape = x.shape.slice(-2);
  const size = sizeOf(shape);
  return { shape, dtype: x.dtype, data: x.data.subarray(at * size, (at + 1) * size) as TypedArray };
}

/**
 * Products of matrices, as many as the leading dimensions say: y [..., M, N] = a [..., M, K] b [..., K, N], or with the
 * matrices of an operand transposed, b [..., N, K] or a [..., K, M]. Leading dimensions are equal, or 1 in one of the two,
 * or not there, as NumPy broadcasts them: that operand's matrix is used for all. Throws ChainruleError "shape" where they
 * are anything else, and "limit" where one matrix is more than the device binds at once.
 */
export const batchedMatmul: Op<BatchedAttrs> = {
  name: "batchedMatmul",
  infer: (inputs, attrs) => [batchedSpec(batchedMatmul, batchedForm(attrs), inputs)],
  reference([a, b], attrs) {
    const form = batchedForm(attrs);
    const dims = batchedDims(form, a!, b!);
    const y = floatLike(a!, [...dims.lead, dims.M, dims.N]);
    for (let i = 0; i < dims.batches; i++) {
      const [ai, bi] = [matrixAt(i, dims, dims.aSteps), matrixAt(i, dims, dims.bSteps)];
      y.data.set(product(form, matrix(a!, ai), matrix(b!, bi)).data, i * dims.M * dims.N);
    }
    return [y];
  },
  wasm: (inputs, _outputs, attrs) => batchedCalls(batchedForm(attrs), inputs),
  gradient(g, { inputs: [a, b], attrs }, [dy]) {
    const [da, db] = [`d ${a!.name}`, `d ${b!.name}`];
    switch (batchedForm(attrs)) {
      case "NN":
        return [times(g, dy!, b!, "b", a!, da), times(g, a!, dy!, "a", b!, db)];
      case "NT":
        return [times(g, dy!, b!, undefined, a!, da), times(g, dy!, a!, "a", b!, db)];
      case "TN":
        return [times(g, b!, dy!, "b", a!, da), times(g, a!, dy!, undefined, b!, db)];
    }
  },
  kernels: batchedKernels,
  onChip: (w, inputs, outputs, attrs) => batchedOnChip(batchedForm(attrs))(w, inputs, outputs, attrs),
  trial: batchedTrial,
};

/** The products of x and y, added up over the leading dimensions along which `like` has one matrix for all. */
function times(
  g: GraphBuilder,
  x: Tensor,
  y: Tensor,
  transpose: BatchedAttrs["transpose"],
  like: Tensor,
  name: string,
): Tensor {
  const [rows, columns] = like.shape.slice(-2) as [number, number];
  const alike = x.shape.slice(0, -1).join() === y.shape.slice(0, -1).join();
  if (transpose === "a" && alike && sizeOf(like.shape) === rows * columns) {
    // Of one matrix for all: the sum over products is the sum over all their rows, and so one product.
    const flat = (t: Tensor, width: number): Tensor =>
      g.one(reshape, [t], { shape: [sizeOf(t.shape) / width, width] }, `rows of ${t.name}`);
    const d = g.one(transposeMatmul, [flat(x, rows), flat(y, columns)], { transpose: "a" } as const, name);
    return shaped(g, d, like.shape, name);
  }
  const d = g.one(batchedMatmul, [x, y], transpose ? { transpose } : {}, name);
  return summed(g, d, like.shape, name);
}

const shaped = (g: GraphBuilder, t: Tensor, shape: Shape, name: string): Tensor =>
  t.shape.join() === shape.join() ? t : g.one(reshape, [t], { shape }, name);

/** Sums of t over the leading dimensions that `shape` has not, or has as 1. */
function summed(g: GraphBuilder, t: Tensor, shape: Shape, name: string): Tensor {
  const before = t.shape.length - shape.length;
  const gone = t.shape.flatMap((d, k) => (k < before || (shape[k - before] === 1 && d > 1) ? [k] : []));
  if (gone.length === 0) return shaped(g, t, shape, name);
  const order = [...gone, ...t.shape.keys()].filter((k, i, all) => all.indexOf(k) === i);
  const turned = order.every((k, i) => k === i) ? t : g.one(permute, [t], { order }, `${name}, by what is added up`);
  const rows = gone.reduce((all, k) => all * t.shape[k]!, 1);
  const flat = g.one(reshape, [turned], { shape: [rows, sizeOf(t.shape) / rows] }, `rows of ${name}`);
  return g.one(reshape, [g.one(sumRows, [flat], null, name)], { shape }, name);
}

/** An element of the result an invocation. */
const batchedOnChip =
  (form: MatmulForm): OnChip<BatchedAttrs> =>
  (w, [a, b], [c]) => {
    const dims = batchedDims(form, a!, b!);
    const { M, N, K, batches } = dims;
    const { am, ak, bn, bk } = operandStrides(dims);
    w.each(batches * M * N, (i) => {
      const batch = w.name(index.over(i, M * N));
      const at = w.name(index.rest(i, M * N));
      const from = (value: ChipValue, steps: readonly number[], own: Index): Index =>
        index.plus(index.times(chipMatrix(batch, dims, steps), sizeOf(value.shape.slice(-2))), own);
      const sum = w.dot(
        K,
        { value: a!, from: from(a!, dims.aSteps, index.times(index.over(at, N), am)), stride: ak },
        { value: b!, from: from(b!, dims.bSteps, index.times(index.rest(at, N), bn)), stride: bk },
      );
      w.add(`${c!.at(i)} = ${sum};`);
    });
  };

/** Which of an operand's matrices product `i` reads. */
function chipMatrix(i: Index, { lead }: BatchedDims, steps: readonly number[]): Index {
  let at: Index = 0;
  let inner = 1;
  for (let k = lead.length - 1; k >= 0; k--) {
    if (steps[k]! > 0) {
      const place = index.rest(index.over(i, inner), lead[k]!);
      at = index.plus(at, index.times(place, steps[k]!));
    }
    inner *= lead[k]!;
  }
  return at;
}
