import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { CaseInput } from "../../src/graph/op.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { times } from "../shared/thorough.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

type Inputs = (M: number, N: number) => readonly CaseInput[];
const f32 = (shape: readonly number[], more: Partial<CaseInput> = {}): CaseInput => ({ shape, dtype: "f32", ...more });
const labels = (M: number, N: number): CaseInput => ({ shape: [M], dtype: "i32", fill: "classes", below: N });
const one = f32([1], { fill: [1.25] });

const ops: readonly (readonly [name: string, inputs: Inputs, attrs: unknown])[] = [
  ["addBias", (M, N) => [f32([M, N]), f32([N])], null],
  ["sumRows", (M, N) => [f32([M, N])], null],
  ["add", (M, N) => [f32([M, N]), f32([M, N])], null],
  ["tanh", (M, N) => [f32([M, N], { scale: 4 })], { alpha: 0 }],
  ["geluGradient", (M, N) => [f32([M, N]), f32([M, N], { scale: 3 })], { alpha: 0 }],
  ["softmax", (M, N) => [f32([M, N], { scale: 5 })], null],
  [
    "softmaxGradient",
    (M, N) => [f32([M, N]), f32([M, N], { through: (x) => opNamed("softmax").reference([x], null)[0]! })],
    null,
  ],
  ["crossEntropy", (M, N) => [f32([M, N], { scale: 4 }), labels(M, N)], null],
  ["crossEntropyGradient", (M, N) => [f32([M, N], { scale: 4 }), labels(M, N), one], null],
  ["layerNorm", (M, N) => [f32([M, N]), f32([N]), f32([N])], { eps: 1e-5 }],
  ["mse", (M, N) => [f32([M, N]), f32([M, N])], null],
  ["huberGradient", (M, N) => [f32([M, N]), f32([M, N]), one], null],
  ["bce", (M, N) => [f32([M, N]), f32([M, N], { fill: "unit" })], null],
  ["countCorrect", (M, N) => [f32([M, N]), labels(M, N)], null],
];

test.each(ops)("%s: any shape, every kernel, inside its bound", async (name, inputs, attrs) => {
  const op = opNamed(name);
  const size = fc.integer({ min: 1, max: 300 });
  const property = fc.asyncProperty(size, size, fc.integer({ min: 1, max: 1000 }), async (M, N, seed) => {
    for (const kernel of op.kernels) {
      const result = await conform(gpu.gpu, op, kernel, { name: `${M}x${N}`, inputs: inputs(M, N), attrs }, { seed });
      if (result) expect(result.reason, `${kernel.name} ${M}x${N}`).toBe("");
    }
  });
  await fc.assert(property, { numRuns: times(6, 15) });
});
