import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { compare, comparisonText } from "../../src/core/compare.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { lazyActivations } from "../../src/ops/elementwise/lazy-activations.ts";
import { truth } from "../../src/proof/truth.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { asDispatches, openGpu, opNamed } from "../shared/gpu.ts";
import { finite, large, MAX, special } from "../shared/special.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const vector = (values: readonly number[]): NdArray => ndarray([values.length], "f32", values);

/** Runs every kernel of an op and hands each result to `look`. */
async function each(op: AnyOp, inputs: readonly NdArray[], attrs: unknown, look: (y: NdArray, kernel: string) => void) {
  for (const kernel of op.kernels) {
    const run = await runKernel(gpu.gpu, op, kernel, inputs, attrs);
    if (run) look(run.outputs[0]!, kernel.name);
  }
}

describe.each(Object.entries({ ...activations, ...lazyActivations }))("%s", (_name, { spec, forward, backward }) => {
  const attrs = { alpha: spec.defaultAlpha ?? 0 };

  test("finite in, finite out, inside the bound, from 0 to the largest f32", async () => {
    // What selu gives for the largest f32 is beyond it.
    const x = vector([...finite, ...large].filter((v) => Math.abs(spec.fn(v, attrs.alpha)) <= MAX));
    const { outputs, bounds } = await truth(forward, [x], attrs);
    await each(forward, [x], attrs, (y, kernel) => {
      expect([...y.data].every(Number.isFinite), `${kernel}: ${y.data}`).toBe(true);
      const c = compare(y, outputs[0]!, bounds[0]!);
      expect(c.pass, `${kernel} ${comparisonText(c)}`).toBe(true);
    });
  });

  test("so is the gradient", async () => {
    const points = [...finite, 1e4, -1e4];
    const v = vector(spec.of === "y" ? points.map((x) => spec.fn(x, attrs.alpha)) : points);
    const dy = vector(points.map((_, i) => (i % 2 ? -1.5 : 0.75)));
    const { outputs, bounds } = await truth(backward, [dy, v], attrs);
    await each(backward, [dy, v], attrs, (dx, kernel) => {
      const c = compare(dx, outputs[0]!, bounds[0]!);
      expect(c.pass, `${kernel} ${comparisonText(c)}`).toBe(true);
    });
  });

  test("NaN stays NaN; infinity never becomes a wrong finite number", async () => {
    const x = vector(special);
    const [exact] = forward.reference([x], attrs);
    await each(forward, [x], attrs, (y, kernel) => {
      expect(y.data[0], kernel).toBeNaN();
      for (const i of [1, 2]) {
        const right = !Number.isFinite(y.data[i]!) || Math.abs(y.data[i]! - exact!.data[i]!) < 1e-6;
        expect(right, `${kernel}(${x.data[i]}) = ${y.data[i]}`).toBe(true);
      }
    });
  });
});

describe("rows", () => {
  const logits = ndarray([4, 3], "f32", [1e4, -1e4, 0, 89, -89, 0, MAX, 0, -1, -0, 0, 1e-40]);
  const labels = ndarray([4], "i32", [1, 0, 0, 2]);

  test.each(["softmax", "logSoftmax", "crossEntropy", "crossEntropyGradient"])(
    "%s of extreme logits stays inside its bound",
    async (name) => {
      const op = opNamed(name);
      const one = ndarray([1], "f32", [1]);
      const inputs = {
        softmax: [logits],
        logSoftmax: [logits],
        crossEntropy: [logits, labels],
        crossEntropyGradient: [logits, labels, one],
      }[name]!;
      const { outputs, bounds } = await truth(op, inputs, null);
      await each(op, inputs, null, (y, kernel) => {
        const c = compare(y, outputs[0]!, bounds[0]!);
        expect(c.pass, `${kernel} ${comparisonText(c)}`).toBe(true);
      });
    },
  );
});

test("a NaN in a product reaches its whole row, and only that", async () => {
  const a = ndarray([3, 20], "f32", new Float32Array(60).fill(1));
  a.data[25] = Number.NaN;
  const b = ndarray([20, 5], "f32", new Float32Array(100).fill(0.5));
  await each(opNamed("matmul"), [a, b], null, (c, kernel) => {
    expect(Array.from(c.data, Number.isNaN), kernel).toEqual(Array.from({ length: 15 }, (_, i) => i >= 5 && i < 10));
  });
});

describe("rows far from 0, through a layerNorm to a loss", () => {
  const model = sequential([layerNorm(100)], { loss: "sumSquaredError" });
  const rowOf = (value: number) => {
    const x = ndarray([1, 100], "f32", new Float32Array(100).fill(value));
    return { x, y: ndarray([1, 100], "f32", new Float32Array(100)) };
  };

  test.each([12345.678, -0.1, 1e6 / 3, 8296.8])(
    "100 values %d are 0, whatever the root of their variance makes large",
    async (value) => {
      const backends = { gpu, dispatches: asDispatches(gpu), wasm: await cpuBackend() };
      for (const [name, backend] of Object.entries(backends)) {
        const trainer = await createTrainer(backend, { model, data: rowOf(value), batch: "full" });
        expect((await trainer.step()).loss, name).toBe(0);
        expect((await trainer.gradients(rowOf(value).x, rowOf(value).y)).loss, name).toBe(0);
        trainer.dispose();
      }
    },
  );
});

test("a NaN in a group of channels is its largest, and its maxout is NaN", async () => {
  for (const at of [0, 1, 2]) {
    const x = ndarray([1, 3, 2], "f32", [1, 1, 2, 2, 3, 3]);
    x.data[2 * at] = Number.NaN;
    await each(opNamed("maxout"), [x], { pieces: 3 }, (y, kernel) => {
      expect([...y.data], kernel).toEqual([Number.NaN, 3]);
    });
  }
});
