import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { conformInputs } from "../../src/check/conformance.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { caseInputs } from "../../src/graph/case-inputs.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { asDispatches, openGpu, opNamed } from "../shared/gpu.ts";
import { forms } from "../shared/on-chip.ts";

let gpu: WebGpuBackend;
let wasm: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  wasm = await wasmBackend({ threads: 1 });
});
afterAll(() => {
  gpu.dispose();
  wasm.dispose();
});

const f32 = (shape: readonly number[], values: ArrayLike<number>): NdArray => ndarray(shape, "f32", values);

/** What every kernel, every form on the chip and WebAssembly make of it agrees with the reference. */
async function everywhere(op: AnyOp, inputs: readonly NdArray[], attrs: unknown): Promise<void> {
  for (const kernel of op.kernels) {
    const c = { name: "given", inputs: inputs.map(given), attrs };
    const result = await conform(gpu.gpu, op, kernel, c);
    expect(result?.reason ?? "", kernel.name).toBe("");
  }
  for (const form of forms) {
    expect((await conformInputs(onChip(gpu, { form }), op, inputs, attrs)).reason, `${form.width}`).toBe("");
  }
  expect((await conformInputs(wasm, op, inputs, attrs)).reason, "WebAssembly").toBe("");
}

const given = ({ shape, data }: NdArray) => ({ shape, dtype: "f32" as const, fill: Array.from(data) });

describe("what is not finite", () => {
  const { NaN: nan, POSITIVE_INFINITY: high, NEGATIVE_INFINITY: low } = Number;
  const square = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceil: false };

  test.each([
    ["NaN first and last", [nan, 1, 2, 3, 4, 5, 6, nan]],
    ["a number after NaN", [1, nan, 2, 3, 9, 8, nan, 7]],
    ["-Infinity alone", [low, low, low, low, low, low, low, low]],
    ["Infinity", [1, high, high, high, low, 3, low, low]],
  ])("a largest value of %s", async (_name, row) => {
    await everywhere(opNamed("maxPool"), [f32([1, 1, 2, 8], [...row, ...row.toReversed()])], square);
    const line = { kernel: [3], stride: [2], padding: [1], dilation: [1], ceil: true };
    await everywhere(opNamed("maxPool"), [f32([2, 1, 8], [...row, ...row.toReversed()])], line);
  });

  test.each([nan, high, low])("a batch with %d leaves all running statistics as they were", async (bad) => {
    const op = opNamed("batchNorm");
    const values = Array.from(normals(1, STREAM.check, 0, 60));
    values[31] = bad;
    const before = [0.5, -1, 2, 1, 3, 0.25, 4];
    for (const momentum of [0.1, null]) {
      const inputs = (): NdArray[] => [
        f32([5, 3, 4], values),
        f32([3], [1, 2, 3]),
        f32([3], [0, 1, 2]),
        f32([7], before),
      ];
      const attrs = { eps: 1e-5, momentum };
      for (const kernel of op.kernels) {
        const run = await runKernel(gpu.gpu, op, kernel, inputs(), attrs);
        expect([...run!.outputs[3]!.data], kernel.name).toEqual(before);
      }
      for (const backend of [...forms.map((form) => onChip(gpu, { form })), wasm]) {
        // The reference keeps them, as its own test says, and an exact value has no bound to hide in.
        const { comparisons } = await conformInputs(backend, op, inputs(), attrs);
        expect(comparisons[3]!.maxAbsolute, backend.description).toBe(0);
      }
    }
  });
});

describe("a device that can bind only a kilobyte", () => {
  const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 1024 };

  test.each(["maxPool", "maxPoolGradient", "avgPool", "avgPoolGradient"])(
    "%s works in windows of planes",
    async (name) => {
      const op = opNamed(name);
      const cases = (await proofOf(op)).cases.filter((c) => c.name.startsWith("70x1x3x4"));
      expect(cases.length).toBeGreaterThan(0);
      for (const c of cases) {
        for (const kernel of op.kernels) {
          const specs = caseInputs(c, 1).map(({ shape, dtype }) => ({ shape, dtype: dtype as "f32" }));
          const plan = kernel.plan(specs, op.infer(specs, c.attrs), c.attrs, caps);
          if (!plan) continue;
          expect(plan.launches.length, kernel.name).toBeGreaterThan(1);
          const result = await conform(gpu.gpu, op, kernel, c, { caps });
          expect(result!.reason, `${kernel.name} ${c.name}`).toBe("");
        }
      }
    },
  );
});

describe("a device that binds half of a value", () => {
  const rows = [200, 12];
  const images = [7, 6, 4, 8];
  const perRow = [200];
  const [n, c] = [[12], [6]];
  const running = [13];
  /** Attributes, and the shapes of inputs; of each op the value that is cut is its first. */
  const ops: readonly (readonly [name: string, attrs: unknown, ...shapes: readonly number[][]])[] = [
    ["softmax", null, rows],
    ["softmaxGradient", null, rows, rows],
    ["logSoftmax", null, rows],
    ["logSoftmaxGradient", null, rows, rows],
    ["layerNorm", { eps: 1e-5 }, rows, n, n],
    ["layerNormGradient", { eps: 1e-5 }, rows, rows, n, perRow, perRow],
    ["layerNormScaleGradient", { eps: 1e-5 }, rows, rows, perRow, perRow],
    ["rmsNorm", { eps: 1e-5 }, rows, n],
    ["rmsNormGradient", null, rows, rows, n, perRow],
    ["rmsNormScaleGradient", null, rows, rows, perRow],
    ["groupNorm", { groups: 3, eps: 1e-5 }, [140, 6, 4], c, c],
    ["groupNormGradient", { groups: 3, eps: 1e-5 }, [140, 6, 4], [140, 6, 4], c, [420], [420]],
    ["groupNormScaleGradient", { groups: 3, eps: 1e-5 }, [140, 6, 4], [140, 6, 4], [420], [420]],
    ["batchNorm", { eps: 1e-5, momentum: 0.1 }, images, c, c, running],
    ["batchNormGradient", null, images, images, c, c, c],
    ["batchNormInference", { eps: 1e-5 }, images, c, c, running],
  ];

  test.each(ops.map(([name, attrs, ...shapes]) => ({ name, attrs, shapes })))(
    "$name takes it in windows",
    async (given) => {
      const { name, attrs, shapes } = given;
      const op = opNamed(name);
      const inputs = shapes.map((shape, i) => {
        const last = i === shapes.length - 1;
        return { shape, dtype: "f32" as const, fill: last ? ("positive" as const) : ("normal" as const) };
      });
      const c = { name: shapes.join(" "), inputs, attrs };
      const most = Math.ceil((0.6 * 4 * sizeOf(shapes[0]!)) / 256) * 256;
      const caps = { ...gpu.gpu.caps, maxStorageBufferBindingSize: most };
      let cut = 0;
      for (const kernel of op.kernels) {
        const whole = kernel.plan(inputs, op.infer(inputs, attrs), attrs, gpu.gpu.caps);
        const plan = kernel.plan(inputs, op.infer(inputs, attrs), attrs, caps);
        if (!plan) continue;
        expect(plan.launches.length, kernel.name).toBeGreaterThan(whole!.launches.length);
        const result = await conform(gpu.gpu, op, kernel, c, { caps });
        expect(result!.reason, kernel.name).toBe("");
        cut++;
      }
      expect(cut).toBeGreaterThan(0);
    },
  );
});

test.each(["maxPoolGradient", "avgPoolGradient", "batchNorm", "batchNormGradient", "groupNormScaleGradient"])(
  "%s gives the same bits every time",
  async (name) => {
    const op = opNamed(name);
    const c = (await proofOf(op)).cases.at(-1)!;
    for (const kernel of op.kernels) {
      const twice = [];
      for (let i = 0; i < 2; i++) {
        const run = await runKernel(gpu.gpu, op, kernel, caseInputs(c, 1), c.attrs);
        if (run) twice.push(run.outputs.map(({ data }) => [...data]));
      }
      expect(twice[1]).toEqual(twice[0]);
    }
  },
);

/** Rectified images have windows of zeros, which tie, and values that nearly do. */
const nets = {
  "pools of largest behind a rectifier, and batch norm": {
    input: [1, 10, 10],
    layers: [
      { type: "conv2d", in: 1, out: 3, kernel: 3, padding: 1 },
      { type: "relu" },
      { type: "maxPool2d", kernel: 2 },
      { type: "conv2d", in: 3, out: 4, kernel: 3, padding: 1 },
      { type: "batchNorm", size: 4 },
      { type: "relu" },
      { type: "maxPool2d", kernel: 3, stride: 2, padding: 1 },
      { type: "flatten" },
      { type: "linear", in: 36, out: 3 },
    ],
    loss: "crossEntropy",
  },
  "means, group and instance norm, and by the root of the mean square": {
    input: [2, 7, 7],
    layers: [
      { type: "conv2d", in: 2, out: 6, kernel: 3, padding: 1 },
      { type: "groupNorm", groups: 3, size: 6 },
      { type: "relu" },
      { type: "avgPool2d", kernel: 3, stride: 2, padding: 1, ceil: true },
      { type: "instanceNorm", size: 6 },
      { type: "adaptiveAvgPool2d", out: [2, 3] },
      { type: "flatten" },
      { type: "rmsNorm", size: 36 },
      { type: "linear", in: 36, out: 3 },
    ],
    loss: "crossEntropy",
  },
};

describe.each(Object.entries(nets))("a net with %s is proved", (_name, raw) => {
  test.each([
    ["WebGPU", () => gpu],
    ["WebGPU as dispatches", () => asDispatches(gpu)],
    ["WebAssembly", () => wasm],
  ])("on %s", async (_backend, backend) => {
    const model = parseModel(raw);
    const size = raw.input.reduce((a, b) => a * b, 1);
    const x = f32([4, size], normals(3, STREAM.check, 0, 4 * size));
    const y = ndarray([4], "i32", [0, 1, 2, 1]);
    const report = await checkGradients({ model, weights: initialise(model, 2), x, y, backend: backend() });
    expect(report.firstDivergent).toBe(null);
    expect(report.pass).toBe(true);
    const shown = report.tensors.filter((t) => t.parameter && t.conclusive && (t.finite?.checked ?? 0) > 0);
    expect(shown.length).toBeGreaterThan(4);
  });
});
