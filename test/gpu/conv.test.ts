import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { caseInputs } from "../../src/graph/case-inputs.ts";
import { Graph } from "../../src/graph/graph.ts";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { conv } from "../../src/ops/conv/conv.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { times } from "../shared/thorough.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const names = ["conv", "convInputGradient", "convWeightGradient", "addChannelBias", "sumChannels"] as const;
const layers = ["convLayer", "convLayerWeightGradient"] as const;

describe("a device that binds little", () => {
  test.each([...names, ...layers])("%s takes images a few at a time, or says which is too large", async (name) => {
    const op = opNamed(name);
    // Of many every third: sizes are what conformance is for.
    const cases = (await proofOf(op)).cases.filter((_, i, all) => all.length < 10 || i % 3 === 1);
    let cut = 0;
    for (const kernel of op.kernels) {
      for (const c of cases) {
        const largest = Math.max(...c.inputs.map(({ shape }) => 4 * sizeOf(shape)));
        const caps = {
          ...gpu.gpu.caps,
          maxStorageBufferBindingSize: Math.max(1024, Math.ceil((0.75 * largest) / 256) * 256),
        };
        try {
          const result = await conform(gpu.gpu, op, kernel, c, { caps });
          if (result && largest > caps.maxStorageBufferBindingSize) cut++;
          if (result) expect(result.reason, `${kernel.name} ${c.name}`).toBe("");
        } catch (error) {
          expect((error as Error).message).toMatch(/an image of \d+ bytes exceeds what this device binds at once/);
        }
      }
    }
    expect(cut, "cases that needed more than one launch").toBeGreaterThan(2);
  });

  test.each(["conv", "convWeightGradient"])("%s folds a grid that is too long", async (name) => {
    const op = opNamed(name);
    const caps = { ...gpu.gpu.caps, maxComputeWorkgroupsPerDimension: 24 };
    let applied = 0;
    for (const kernel of op.kernels) {
      for (const c of (await proofOf(op)).cases) {
        const specs = c.inputs.map(({ shape }) => ({ shape, dtype: "f32" as const }));
        const plan = kernel.plan(specs, op.infer(specs, c.attrs), c.attrs, caps);
        if (!plan) continue;
        expect(Math.max(...plan.launches.flatMap(({ workgroups }) => workgroups)), c.name).toBeLessThanOrEqual(24);
        if (plan.launches.every(({ workgroups }) => workgroups[1] === 1)) continue;
        applied++;
        const result = await conform(gpu.gpu, op, kernel, c, { caps });
        expect(result!.reason, `${kernel.name} ${c.name}`).toBe("");
      }
    }
    expect(applied).toBeGreaterThan(0);
  });
});

const number = (min: number, max: number) => fc.integer({ min, max });

/** One dimension of places: sizes of x and the kernel, and how that moves. */
const axis = fc
  .record({
    kernel: number(1, 5),
    stride: number(1, 3),
    before: number(0, 2),
    after: number(0, 2),
    dilation: number(1, 3),
    extra: number(0, 12),
  })
  .map(({ extra, ...a }) => ({
    ...a,
    size: Math.max(1, a.dilation * (a.kernel - 1) + 1 - a.before - a.after) + extra,
  }));

const anyConvolution = fc.record({
  n: number(1, 4),
  groups: number(1, 3),
  cGroup: number(1, 9),
  outGroup: number(1, 18),
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  seed: number(1, 1000),
});

test("any convolution, by every kernel, inside its bound, and the same bits again", async () => {
  const property = fc.asyncProperty(anyConvolution, async ({ n, groups, cGroup, outGroup, axes, seed }) => {
    const attrs = {
      stride: axes.map((a) => a.stride),
      padding: axes.map((a) => [a.before, a.after] as const),
      dilation: axes.map((a) => a.dilation),
      groups,
    };
    const x = { shape: [n, groups * cGroup, ...axes.map((a) => a.size)], dtype: "f32" as const };
    const w = { shape: [groups * outGroup, cGroup, ...axes.map((a) => a.kernel)], dtype: "f32" as const };
    const dy = conv.infer([x, w], attrs)[0]!;
    const cases = [
      ["conv", [x, w], attrs],
      ["convInputGradient", [dy, w], { ...attrs, places: x.shape.slice(2) }],
      ["convWeightGradient", [x, dy], { ...attrs, kernel: w.shape.slice(2) }],
    ] as const;
    for (const [name, inputs, all] of cases) {
      const op = opNamed(name);
      const c = { name: JSON.stringify([x.shape, w.shape, attrs]), inputs, attrs: all };
      for (const kernel of op.kernels) {
        const result = await conform(gpu.gpu, op, kernel, c, { seed });
        if (!result) continue;
        expect(result.reason, `${kernel.name} ${c.name}`).toBe("");
        const drawn = caseInputs(c, seed);
        const first = await runKernel(gpu.gpu, op, kernel, drawn, all);
        const second = await runKernel(gpu.gpu, op, kernel, drawn, all);
        expect(first!.covered, `${kernel.name} writes every element`).toBe(true);
        expect(second!.outputs[0]!.data).toEqual(first!.outputs[0]!.data);
      }
    }
  });
  await fc.assert(property, { numRuns: times(2, 40) });
});

test("what a kernel reads of the padding is nothing: infinite neighbours stay where they are", async () => {
  // Only the first place of each channel is infinite: what does not reach it is finite.
  const attrs = { stride: [1], padding: [[1, 1] as const], dilation: [1], groups: 1 };
  const x = ndarray([2, 8, 16], "f32", normals(3, 3, 1, 256));
  for (let i = 0; i < x.data.length; i += 16) x.data[i] = Number.POSITIVE_INFINITY;
  const w = ndarray([8, 8, 3], "f32", new Float32Array(192).fill(1));
  for (const kernel of conv.kernels) {
    const run = await runKernel(gpu.gpu, conv, kernel, [x, w], attrs);
    if (!run) continue;
    const finite = Array.from(run.outputs[0]!.data, (v, i) => Number.isFinite(v) === i % 16 > 1);
    expect(finite.every(Boolean), kernel.name).toBe(true);
  }
});

describe("kernels as GPUs get them, with more invocations", () => {
  test.each(["conv", "convInputGradient", "convWeightGradient"])("%s", async (name) => {
    const op = opNamed(name);
    const caps = { ...gpu.gpu.caps, onCpu: false };
    // The last of an op's cases are those that fill tiles.
    const { cases } = await proofOf(op);
    for (const kernel of op.kernels.filter((k) => /(gather|strip|planes)$/.test(k.name))) {
      for (const c of cases.slice(-5)) {
        const result = await conform(gpu.gpu, op, kernel, c, { caps });
        if (result) expect(result.reason, `${kernel.name} ${c.name}`).toBe("");
      }
    }
  });
});

describe("kernels are chosen by size and adapter", () => {
  const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });
  const chosen = (x: readonly number[], w: readonly number[], caps: object): string => {
    const g = new Graph();
    const zeros = (shape: readonly number[]) => ndarray(shape, "f32", new Float32Array(sizeOf(shape)));
    const attrs = { stride: [1, 1], padding: new Array(2).fill([1, 1]), dilation: [1, 1], groups: x[1]! / w[1]! };
    const y = g.one(conv, [g.variable("x", zeros(x)), g.variable("w", zeros(w))], attrs);
    expect(y.shape).toEqual(conv.infer([f32(...x), f32(...w)], attrs)[0]!.shape);
    return chooseKernel(y.node!, { ...DEFAULT_CAPS, ...caps }).kernel.name;
  };

  test("tiny ones take the plain kernel; a CPU's adapter shares within quads, where it can", () => {
    const cpu = { onCpu: true, subgroups: true };
    expect(chosen([1, 2, 6, 6], [2, 2, 3, 3], cpu)).toBe("conv/naive");
    expect(chosen([8, 16, 14, 14], [16, 16, 3, 3], cpu)).toBe("conv/strip-quads");
    expect(chosen([8, 16, 14, 14], [16, 16, 3, 3], { onCpu: true })).toBe("conv/strip");
    expect(chosen([8, 16, 14, 14], [16, 16, 3, 3], { vendor: "amd" })).toBe("conv/block");
    expect(chosen([8, 16, 14, 14], [16, 16, 3, 3], {})).toBe("conv/block-narrow");
    expect(chosen([8, 3, 14, 14], [16, 3, 3, 3], {})).toBe("conv/strip");
  });
});

test("a known answer is that of the very code which a net's own convolution takes, of few images", () => {
  const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });
  const attrs = { stride: [1, 1], padding: new Array(2).fill([1, 1]), dilation: [1, 1], groups: 1 };
  const [x, w, b] = [f32(32, 16, 14, 14), f32(16, 16, 3, 3), f32(16)];
  const problems = [
    ["conv", [x, w], attrs],
    ["convInputGradient", [x, w], { ...attrs, places: [14, 14] }],
    ["convWeightGradient", [x, x], { ...attrs, kernel: [3, 3] }],
    ["convLayer", [x, w, b], { ...attrs, activation: "relu", alpha: 0 }],
    ["convLayerInputGradient", [x, w, x], { ...attrs, places: [14, 14], activation: "relu", alpha: 0 }],
    ["convLayerWeightGradient", [x, x], { ...attrs, kernel: [3, 3] }],
  ] as const;
  for (const [name, inputs, all] of problems) {
    const op = opNamed(name);
    const few = op.sample!(inputs, all)!;
    expect(few[0]!.shape[0]).toBeLessThan(8);
    for (const kernel of op.kernels) {
      const codes = [inputs, few].map((specs) =>
        kernel.plan(specs, op.infer(specs, all), all, gpu.gpu.caps)?.launches.map(({ code }) => code),
      );
      expect(codes[1], kernel.name).toEqual(codes[0]);
    }
    expect(op.sample!([f32(2, 512, 56, 56), f32(512, 512, 3, 3)], all)).toBeNull();
  }
});
