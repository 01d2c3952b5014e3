import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import {
  type ConvolutionForm,
  convolutionGraph,
  convolutionOperands,
  verifyConvolution,
} from "../../src/bench/convolution-problem.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";

const forms: readonly ConvolutionForm[] = ["forward", "input", "weight"];

test.each(forms)("the benchmark's check takes a right %s and refuses a wrong one", async (form) => {
  const size = { form, x: [3, 4, 6, 5], w: [2, 4, 3, 3] } as const;
  const operands = convolutionOperands(size);
  const { graph, result } = convolutionGraph(size, operands);
  const executor = await referenceBackend("f64").compile(graph);
  const [right] = (await executor.run(1, [result])) as [NdArray];
  executor.dispose();
  expect(verifyConvolution(size, operands, right)).toBe(true);
  const wrong = (change: (v: number, i: number) => number) =>
    verifyConvolution(size, operands, ndarray(right.shape, "f32", Float32Array.from(right.data, change)));
  expect(wrong((v) => v * (1 + 1e-4))).toBe(false);
  expect(wrong((v, i) => (i === right.data.length - 1 ? v + 1 : v))).toBe(false);
});
