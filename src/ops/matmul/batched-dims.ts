import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { type Shape, sizeOf } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import { matmulDims } from "./dims.ts";
import type { MatmulDims } from "./rungs.ts";

/** Settings of batchedMatmul. */
export interface BatchedAttrs {
  /** Which operand's matrices are used transposed: "b" gives A BT, "a" gives AT B; neither where absent. */
  readonly transpose?: "a" | "b";
}

export const batchedForm = ({ transpose }: BatchedAttrs): MatmulForm =>
  transpose === undefined ? "NN" : transpose === "b" ? "NT" : "TN";

/** Sizes of a batch of products. */
export interface BatchedDims extends MatmulDims {
  /** Leading dimensions of the result. */
  readonly lead: Shape;
  /** Products that there are. */
  readonly batches: number;
  /** By how many of its matrices an operand goes on along each of them; 0 where it has one for all. */
  readonly aSteps: readonly number[];
  readonly bSteps: readonly number[];
}

/** An operand's matrices, as [rows, columns]. */
const matrixOf = ({ shape }: Pick<TensorSpec, "shape">): TensorSpec => ({ shape: shape.slice(-2), dtype: "f32" });

/** Steps of an operand with leading dimensions `own` along those of the result. */
function stepsOf(own: Shape, lead: Shape): number[] {
  const steps = lead.map(() => 0);
  let step = 1;
  for (let k = own.length - 1; k >= 0; k--) {
    if (own[k] !== 1) steps[k + lead.length - own.length] = step;
    step *= own[k]!;
  }
  return steps;
}

/** Sizes, from operands whose shapes fit. */
export function batchedDims(form: MatmulForm, a: Pick<TensorSpec, "shape">, b: Pick<TensorSpec, "shape">): BatchedDims {
  const [ownA, ownB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const rank = Math.max(ownA.length, ownB.length);
  const dim = (own: Shape, k: number): number => own[k - rank + own.length] ?? 1;
  const lead = Array.from({ length: rank }, (_, k) => Math.max(dim(ownA, k), dim(ownB, k)));
  return {
    ...matmulDims(form, matrixOf(a), matrixOf(b)),
    lead,
    batches: sizeOf(lead),
    aSteps: stepsOf(ownA, lead),
    bSteps: stepsOf(ownB, lead),
  };
}

/** Shape rule. */
export function batchedSpec(
  op: { readonly name: string },
  form: MatmulForm,
  inputs: readonly TensorSpec[],
): TensorSpec {
  const [a, b] = inputs as readonly [TensorSpec, TensorSpec];
  const want = {
    NN: "[..., M, K] and [..., K, N]",
    NT: "[..., M, K] and [..., N, K]",
    TN: "[..., K, M] and [..., K, N]",
  };
  const refuse = (): never =>
    wrongShapes(op, inputs, `${want[form]} with the same K, and leading dimensions that are equal, or 1, or not there`);
  if (inputs.length !== 2 || a.shape.length < 2 || b.shape.length < 2) refuse();
  const dims = batchedDims(form, a, b);
  if ((form === "NT" ? b.shape.at(-1) : b.shape.at(-2)) !== dims.K) refuse();
  for (const { shape } of inputs) {
    const own = shape.slice(0, -2);
    if (own.some((d, k) => d !== 1 && d !== dims.lead[k + dims.lead.length - own.length])) refuse();
  }
  return { shape: [...dims.lead, dims.M, dims.N], dtype: "f32" };
}

/** Operands as kernels take them: where b is one matrix for all, the rows of all of a's matrices are those of one. */
export function kernelOperands(
  form: MatmulForm,
  [a, b]: readonly TensorSpec[],
): readonly [a: TensorSpec, b: TensorSpec] {
  const [size, matrix] = [sizeOf(b!.shape), b!.shape.slice(-2)];
  if (form === "TN" || size !== sizeOf(matrix)) return [a!, b!];
  const K = a!.shape.at(-1)!;
  return [
    { ...a!, shape: [sizeOf(a!.shape) / K, K] },
    { ...b!, shape: matrix },
  ];
}

/** Which of an operand's matrices product `i` reads. */
export function matrixAt(i: number, { lead }: BatchedDims, steps: readonly number[]): number {
  let at = 0;
  let rest = i;
  for (let k = lead.length - 1; k >= 0; k--) {
    at += (rest % lead[k]!) * steps[k]!;
    rest = Math.floor(rest / lead[k]!);
  }
  return at;
}

/** Products one after the other whose operands lie evenly spaced: the first of each, and matrices from one to the next. */
export interface BatchedRun {
  readonly first: number;
  readonly count: number;
  readonly a: number;
  readonly b: number;
  readonly aStep: number;
  readonly bStep: number;
}

/** All products in as few runs as it takes: one where no operand is broadcast, or along the first dimensions alone. */
export function batchedRuns(dims: BatchedDims): readonly BatchedRun[] {
  const { lead, aSteps, bSteps, batches } = dims;
  let [count, aStep, bStep] = [1, 0, 0];
  for (let k = lead.length - 1; k >= 0; k--) {
    if (lead[k] === 1) continue;
    if (count === 1) [aStep, bStep] = [aSteps[k]!, bSteps[k]!];
    else if (aSteps[k] !== aStep * count || bSteps[k] !== bStep * count) break;
    count *= lead[k]!;
  }
  return Array.from({ length: batches / count }, (_, r) => {
    const first = r * count;
    return { first, count, a: matrixAt(first, dims, aSteps), b: matrixAt(first, dims, bSteps), aStep, bStep };
  });
}
