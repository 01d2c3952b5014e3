import { expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Op } from "../../src/graph/op.ts";
import { transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { idealValues, propagateBounds } from "../../src/proof/propagate.ts";

/** A copy whose errors may be of any size. */
const anything: Op<null> = {
  name: "anything",
  infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
  reference: ([x]) => [x!],
  gradient: "none",
  kernels: [],
  proof: {
    bound: ([x]) => [{ ...x!, dtype: "f64", data: Float64Array.from(x!.data, () => Number.POSITIVE_INFINITY) }],
    cases: [],
  },
};

test("where an error of any size meets a 0 there is no bound, which is no bound of NaN", async () => {
  const g = new Graph();
  const x = g.one(anything, [g.variable("x", ndarray([1, 2], "f32", [1, 2]))], null);
  const w = g.variable("w", ndarray([2, 2], "f32", [0, 0, 0, 3]));
  const y = g.one(transposeMatmul, [x, w], { transpose: "b" });
  g.keep(y);
  const bound = (await propagateBounds(g, await idealValues(g), "webgpu")).get(y)!;
  expect([...bound.data]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
});
