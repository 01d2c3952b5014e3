import type { Kept } from "../../backend/cache.ts";
import type { Backend, Executor } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, requireNdArray, reshape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { type Given, Graph, type Tensor } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import {
  matmul as matmulOp,
  outerProduct as outerProductOp,
  transposeMatmul as transposeMatmulOp,
} from "../../ops/matmul/matmul.ts";

/**
 * y [M, N] = a [M, K] b [K, N] on the backend, in f32: a layer's forward pass. It is compiled once for each pair of shapes
 * and kept on the backend, which holds the latest of them until it is disposed of. Throws ChainruleError "shape" where
 * the shapes do not fit, "limit" where the device cannot hold the arrays.
 */
export async function matmul(backend: Backend, a: NdArray, b: NdArray): Promise<NdArray> {
  return product(backend, matmulOp, null, "", a, b);
}

/**
 * a [M, K] times b [N, K] transposed for "b", giving [M, N]: the gradient of a layer's inputs, dx = dy wT. For "a", a [K, M]
 * transposed times b [K, N], giving [M, N]: the gradient of its weights, dw = xT dy. No transpose is ever stored.
 * Compiled and kept as in matmul.
 */
export async function transposeMatmul(
  backend: Backend,
  a: NdArray,
  b: NdArray,
  transpose: "a" | "b",
): Promise<NdArray> {
  if (transpose !== "a" && transpose !== "b") {
    throw new ChainruleError(
      "usage",
      `transposeMatmul: says which operand is transposed, "a" or "b"; got ${transpose}`,
    );
  }
  return product(backend, transposeMatmulOp, { transpose }, transpose, a, b);
}

/**
 * dw [M, N] = xT dy for one row, x [M] or [1, M] and dy [N] or [1, N]: the gradient of a layer's weights for a batch of
 * one. Compiled and kept as in matmul.
 */
export async function outerProduct(backend: Backend, x: NdArray, dy: NdArray): Promise<NdArray> {
  return product(backend, outerProductOp, null, "", asRow(x), asRow(dy));
}

interface Product extends Kept {
  readonly executor: Executor;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly y: Tensor;
}

async function product<A>(
  backend: Backend,
  op: Op<A>,
  attrs: Given<A>,
  form: string,
  ...given: readonly [NdArray, NdArray]
): Promise<NdArray> {
  for (const x of given) {
    requireNdArray(x, `${op.name}: what was given`);
    if (sizeOf(x.shape) === 0) throw new ChainruleError("shape", `${op.name}: ${shapeText(x.shape)} is empty`);
  }
  const [a, b] = given.map((x) => cast(x, "f32")) as [NdArray, NdArray];
  const make = async (): Promise<Product> => {
    const g = new Graph();
    const places = { a: g.variable("a", a), b: g.variable("b", b) };
    const y = g.one(op, [places.a, places.b], attrs);
    g.keep(y);
    // A kernel for the chip would be compiled for each shape anew; those of dispatches are shared by all.
    const executor = await backend.compile(g, { onChip: false });
    return { executor, ...places, y, memory: () => executor.memory(), dispose: () => executor.dispose() };
  };
  const key = [op.name, form, shapeText(a.shape), shapeText(b.shape)].join(" ");
  return backend.cache.with(key, make, async (p) => {
    p.executor.write(p.a, a);
    p.executor.write(p.b, b);
    const [y] = await p.executor.run(1, [p.y]);
    return y!;
  });
}

function asRow(x: NdArray): NdArray {
  requireNdArray(x, "outerProduct: what was given");
  return x.shape.length === 1 ? reshape(x, [1, x.shape[0]!]) : x;
}
