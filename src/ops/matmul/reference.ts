import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { expectRank, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Errors, OpCase } from "../../graph/op.ts";
import { boundLike, errorAt, floatLike, gamma, TINY } from "../shared/rounding.ts";
import { matmulDims, operandStrides } from "./dims.ts";

/** Shape rule of the three forms. */
export function productSpec(
  op: { readonly name: string },
  form: MatmulForm,
  inputs: readonly TensorSpec[],
): TensorSpec {
  const operands = inputs.slice(0, 2);
  expectRank(op, operands, [2, 2]);
  const [a, b] = operands as [TensorSpec, TensorSpec];
  const { M, N, K } = matmulDims(form, a, b);
  const other = form === "NT" ? b.shape[1] : b.shape[0];
  if (other !== K) {
    const want = { NN: "[M, K] and [K, N]", NT: "[M, K] and [N, K]", TN: "[K, M] and [K, N]" }[form];
    wrongShapes(op, inputs, `${want} with the same K`);
  }
  return { shape: [M, N], dtype: "f32" };
}

/** C = A B in plain loops, k outermost but one so that rows of C and B stay in cache; sums in f64. */
export function product(form: MatmulForm, a: NdArray, b: NdArray): NdArray {
  const spec = (x: NdArray): TensorSpec => ({ shape: x.shape, dtype: "f32" });
  const { M, N, K } = matmulDims(form, spec(a), spec(b));
  const { am, ak, bn, bk } = operandStrides({ form, M, N, K });
  const c = floatLike(a, [M, N]);
  const row = new Float64Array(N);
  const A = a.data;
  const B = b.data;
  for (let m = 0; m < M; m++) {
    if (form === "NT") {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += A[m * am + k]! * B[n * bn + k]!;
        row[n] = sum;
      }
    } else {
      row.fill(0);
      for (let k = 0; k < K; k++) {
        const v = A[m * am + k * ak]!;
        for (let n = 0; n < N; n++) row[n]! += v * B[k * bk + n]!;
      }
    }
    c.data.set(row, m * N);
  }
  return c;
}

/**
 * |c^ - c| <= 2 gamma_(K+2) |A||B| + |A| E_B + E_A |B| + E_A E_B + phi, phi = K 2^-126 max(1, |A|max, |B|max)
 * for flushed subnormals. Higham, section 3.5.
 */
export function productBound(form: MatmulForm, inputs: readonly NdArray[], errors: Errors, c: NdArray): NdArray {
  return productBoundWith((K) => 2 * gamma(K + 2), form, inputs, errors, c);
}

/** The tighter statistical gate for continuous integration: 4 sqrt(d + 1) u |A||B| + phi, d = K. */
export function productGate(form: MatmulForm, inputs: readonly NdArray[], c: NdArray): NdArray {
  return productBoundWith((K) => 4 * Math.sqrt(K + 1) * 2 ** -24, form, inputs, [], c);
}

function productBoundWith(
  rounding: (K: number) => number,
  form: MatmulForm,
  inputs: readonly NdArray[],
  errors: Errors,
  c: NdArray,
): NdArray {
  const [a, b] = inputs as readonly [NdArray, NdArray];
  const spec = (x: NdArray): TensorSpec => ({ shape: x.shape, dtype: "f32" });
  const { M, N, K } = matmulDims(form, spec(a), spec(b));
  const { am, ak, bn, bk } = operandStrides({ form, M, N, K });
  const out = boundLike(c);
  const r = rounding(K);
  let largest = 1;
  for (const v of a.data) largest = Math.max(largest, Math.abs(v));
  for (const v of b.data) largest = Math.max(largest, Math.abs(v));
  const phi = K * TINY * largest;
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) {
        const ia = m * am + k * ak;
        const ib = k * bk + n * bn;
        const va = Math.abs(a.data[ia]!);
        const vb = Math.abs(b.data[ib]!);
        const ea = errorAt(errors[0], ia);
        const eb = errorAt(errors[1], ib);
        sum += (va + ea) * (vb + eb) * (1 + r) - va * vb;
      }
      out.data[m * N + n] = sum + phi;
    }
  }
  return out;
}

/** From 1 up, around the edges of every tile, long and thin either way, and some larger. */
export const productSizes: readonly (readonly [M: number, N: number, K: number])[] = [
  [1, 1, 1],
  [1, 4, 4],
  [3, 5, 7],
  [4, 4, 4],
  [1, 33, 65],
  [33, 1, 17],
  [16, 16, 16],
  [17, 15, 31],
  [32, 32, 32],
  [31, 33, 16],
  [64, 64, 64],
  [65, 63, 66],
  [12, 20, 28],
  [5, 130, 3],
  [128, 96, 200],
  [2, 2, 1000],
  [70, 10, 129],
  [77, 139, 260],
  [530, 36, 8],
  [2, 12, 1040],
  [6, 8, 1056],
];

export function matmulCase<A>(form: MatmulForm, M: number, N: number, K: number, attrs: A): OpCase<A> {
  const a = form === "TN" ? [K, M] : [M, K];
  const b = form === "NT" ? [N, K] : [K, N];
  return {
    name: `${form} ${M}x${N}x${K}`,
    inputs: [
      { shape: a, dtype: "f32" },
      { shape: b, dtype: "f32" },
    ],
    attrs,
  };
}
