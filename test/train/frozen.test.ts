import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { sizeOf } from "../../src/core/ndarray.ts";
import {
  batchNorm,
  freeze,
  initialise,
  linear,
  type ModelSpec,
  parameterSpecs,
  parseModel,
  sequential,
  tanh,
} from "../../src/index.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { makeReceipt } from "../../src/io/receipt/receipt.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { planOf } from "../../src/train/run/backend-run.ts";
import { resolveOptions } from "../../src/train/run/options.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { ring } from "../shared/problems.ts";

/** Three linear layers; the first two, wide, are what is frozen. */
const whole = sequential([linear(2, 96), tanh(), linear(96), batchNorm(), tanh(), linear(2)], { loss: "crossEntropy" });
const frozen = freeze(whole, ["0.*", "2.*"]);
const weights = initialise(whole, 3);
const optionsOf = (model: ModelSpec) =>
  ({ model, weights, data: ring(24), batch: 8, optimizer: { type: "adam", lr: 0.01 } }) as const;
const frozenBytes = 4 * parameterSpecs(frozen).reduce((sum, p) => sum + (p.frozen ? sizeOf(p.shape) : 0), 0);

const backends: Backend[] = [];
beforeAll(async () => {
  backends.push(asDispatches(await openGpu()), await wasmBackend({ threads: 1 }));
});
afterAll(() => {
  for (const backend of backends) backend.dispose();
});

describe.each([0, 1])("frozen parameters on WebGPU and on the CPU (%i)", (which) => {
  test("keep their values, have no gradient and no moments; what trains has the gradients that it had", async () => {
    const backend = backends[which]!;
    const [all, part] = [
      await createTrainer(backend, optionsOf(whole)),
      await createTrainer(backend, optionsOf(frozen)),
    ];
    // Neither gradients nor Adam's two moments.
    expect(all.memory().liveBytes - part.memory().liveBytes).toBeGreaterThanOrEqual(3 * frozenBytes);
    const { x, y } = ring(24);
    const [full, own] = [await all.gradients(x, y), await part.gradients(x, y)];
    expect([...own.parameters.keys()]).toEqual(["3.weight", "3.bias", "5.weight", "5.bias"]);
    for (const [name, gradient] of own.parameters) expect(gradient).toEqual(full.parameters.get(name));
    for await (const m of part.run({ steps: 5 })) expect(m.skipped).toBe(false);
    const after = await part.parameters();
    for (const { name, frozen: still } of parameterSpecs(frozen)) {
      const same = after.get(name)!.data.every((v, i) => v === weights.get(name)!.data[i]);
      expect(same, name).toBe(still === true);
    }
    // A state holds no copy of them.
    const state = await part.state();
    expect(state.moments.map((m) => [...m.keys()])).toEqual([
      ["3.weight", "3.bias", "5.weight", "5.bias"],
      ["3.weight", "3.bias", "5.weight", "5.bias"],
    ]);
    expect(state.parameters.has("2.weight")).toBe(false);
    // A run that goes on from there is the same run; what a GPU compiles for that is known already.
    if (which === 1) {
      const again = await createTrainer(backend, optionsOf(frozen));
      again.restore(state);
      for await (const _ of part.run({ steps: 3 }));
      for await (const _ of again.run({ steps: 3 }));
      expect(await again.parameters()).toEqual(await part.parameters());
      again.dispose();
    }
    for (const trainer of [all, part]) trainer.dispose();
  });
});

test("the way back ends where nothing in front is trained", async () => {
  const nodesOf = async (model: ModelSpec) => {
    const { plan } = await planOf(await resolveOptions(optionsOf(model), backends[1]!));
    return { plan, names: fuse(plan.graph).map((node) => node.op.name) };
  };
  const [all, part] = [await nodesOf(whole), await nodesOf(frozen)];
  const count = (names: readonly string[], name: RegExp): number => names.filter((n) => name.test(n)).length;
  expect([count(all.names, /^linearWeightGradient/), count(part.names, /^linearWeightGradient/)]).toEqual([3, 1]);
  expect([count(all.names, /[iI]nputGradient/), count(part.names, /[iI]nputGradient/)]).toEqual([2, 1]);
  expect(all.names).toContain("batchNormGradient");
  expect([...part.plan.parameters.keys()]).toEqual(["3.weight", "3.bias", "5.weight", "5.bias"]);
  expect(part.plan.groups).toHaveLength(1);
  expect(part.plan.frozen).toHaveLength(1);
  // The last layer alone: no derivative by any value in front of it is there.
  const last = await nodesOf(freeze(whole, ["0.*", "2.*", "3.*"]));
  expect(count(last.names, /[iI]nputGradient|batchNormGradient|tanhGradient|transposeMatmul/)).toBe(0);
});

test("the check, the receipt and the export for PyTorch leave them out", async () => {
  const [gpu, cpu] = backends as [Backend, Backend];
  const report = await checkGradients({ model: frozen, weights, ...ring(8), backend: cpu });
  expect(report.pass).toBe(true);
  expect(report.tensors.flatMap((t) => (t.parameter ? [t.name] : []))).toEqual(
    expect.arrayContaining(["d 5.weight", "d 5.bias"]),
  );
  expect(report.tensors.filter((t) => /^d [02]\./.test(t.name) && t.parameter)).toEqual([]);

  const { arrays, script } = await makeReceipt(cpu, optionsOf(frozen));
  expect([...arrays.keys()]).toEqual(expect.arrayContaining(["W0", "W2", "W5", "dW5", "W5_new"]));
  for (const name of ["dW0", "W0_new", "dW2", "db2"]) expect(arrays.has(name), name).toBe(false);
  expect(script).toContain("frozen, it keeps its value");
  expect(script).not.toMatch(/dW[02]\b/);

  const trainer = await createTrainer(gpu, optionsOf(frozen));
  const files = exportPytorch(trainer.options, await trainer.state());
  const train = files.get("train.py") as string;
  expect(train).toContain('FROZEN = {"0.weight", "0.bias", "2.weight", "2.bias"}');
  expect(train).toContain("p.requires_grad_(name not in FROZEN)");
  expect(train).toContain("make_optimizer([p for _, p in trained(net)])");
  trainer.dispose();
});

test("trainable is false, or a list of the layer's own parameters; freeze takes names and roles", () => {
  expect(freeze(whole, "bias").layers[0]).toMatchObject({ trainable: ["weight"] });
  expect(freeze(freeze(whole, "bias"), "weight").layers[0]).toMatchObject({ trainable: false });
  expect(freeze(whole, "norm").layers[3]).toMatchObject({ trainable: false });
  expect(() => freeze(whole, "7.*")).toThrow(/freeze: "7.\*" matches no parameter; there are 0.weight/);
  const layers = [{ type: "linear", in: 2, out: 2, trainable: ["weigth"] }];
  expect(() => parseModel({ layers, loss: "mse" })).toThrow(
    /layer 0 \(linear\): "trainable" must be false, or a list of "weight", "bias"; got \["weigth"\]/,
  );
});

test("a run that trains nothing is refused", async () => {
  await expect(createTrainer(backends[1]!, optionsOf(freeze(whole, "*")))).rejects.toThrow(
    "all parameters are frozen: there is nothing to train",
  );
});
