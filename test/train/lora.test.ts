import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import {
  block,
  embedding,
  initialise,
  type LoraOptions,
  linear,
  lora,
  type ModelSpec,
  mergeLora,
  Predictor,
  parameterSpecs,
  parseModel,
  sequential,
  tanh,
  transformerBlock,
} from "../../src/index.ts";
import { dropoutNames, isSequential, modelPy } from "../../src/io/pytorch/model-script.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError } from "../shared/torch.ts";

const [VOCABULARY, STEPS] = [11, 5];
/** A transformer of one block, whose keys and values two heads share. */
const base = sequential(
  [
    embedding(VOCABULARY, 8, { name: "e" }),
    block("h", transformerBlock({ size: 8, heads: 4, keyHeads: 2, causal: true, rotary: true })),
    linear(VOCABULARY),
  ],
  { input: [STEPS], loss: "crossEntropy" },
);
const weights = initialise(base, 5);
const tokens = (k: number) => Int32Array.from({ length: 6 * STEPS }, (_, i) => (i * k + 3) % VOCABULARY);
const x = ndarray([6, STEPS], "i32", tokens(7));
const y = ndarray([6, STEPS], "i32", tokens(4));

const exclusiveOr = {
  x: ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]),
  y: ndarray([4], "i32", [0, 1, 1, 0]),
};

/** Weights of an adapted model whose adapters add something. */
function learned(model: ModelSpec): Map<string, NdArray> {
  const own = parameterSpecs(model).flatMap((p, i): [string, NdArray][] => {
    const size = p.shape.reduce((a, b) => a * b, 1);
    return p.adapter
      ? [
          [
            p.name,
            ndarray(
              p.shape,
              "f32",
              normals(9, 77, i, size).map((v) => v / 3),
            ),
          ],
        ]
      : [];
  });
  return new Map([...weights, ...own]);
}

let gpu: WebGpuBackend;
let cpu: Backend;
beforeAll(async () => {
  gpu = await openGpu();
  cpu = await wasmBackend({ threads: 1 });
});
afterAll(() => {
  gpu.dispose();
  cpu.dispose();
});

const adapterNames = (model: ModelSpec) => parameterSpecs(model).flatMap((p) => (p.adapter ? [p.name] : []));

test("adapters change nothing at first, learn alone, and merge into the weights", async () => {
  const backend = cpu;
  const model = lora(base, { rank: 2, alpha: 3, targets: ["q_proj", "v_proj", "out_proj", "linear"] });
  const options = { model, weights, data: { x, y }, batch: 6, optimizer: { type: "adam", lr: 0.02 } } as const;
  const trainer = await createTrainer(backend, options);
  const before = await predicted(backend, base, weights);
  const first = await predicted(backend, model, await trainer.parameters());
  expect(normError(first, before)).toBeLessThan(1e-6);
  const start = await trainer.evaluate("train");
  for await (const m of trainer.run({ steps: 30 })) expect(m.skipped).toBe(false);
  expect((await trainer.evaluate("train"))!.loss).toBeLessThan(0.9 * start!.loss);
  const after = await trainer.parameters();
  for (const [name, value] of weights) expect(after.get(name), name).toEqual(value);
  expect([...(await trainer.state()).parameters.keys()].sort()).toEqual(adapterNames(model).sort());
  const merged = mergeLora(model, after);
  expect(merged.model).toEqual(base);
  const own = await predicted(backend, model, after);
  expect(normError(own, before)).toBeGreaterThan(0.05);
  expect(normError(await predicted(backend, merged.model, merged.weights), own)).toBeLessThan(2e-6);
  trainer.dispose();
});

async function predicted(backend: Backend, model: ModelSpec, of: ReadonlyMap<string, NdArray>) {
  const predictor = await Predictor.create(backend, model, of, x);
  const { data } = await predictor.run(null);
  predictor.dispose();
  return data;
}

// A device on a CPU takes long to compile attention: one net there, where all is asked for.
test.each<[string, LoraOptions, string[]]>([
  ["attention's maps by default", { rank: 2 }, ["q_proj", "k_proj", "v_proj", "out_proj"]],
  ["queries, keys and values as one", { rank: 3, targets: "c_attn", dropout: 0.2 }, ["in_proj"]],
  ["a query and a linear layer", { rank: 1, targets: ["q_proj", "h.4"] }, ["q_proj", ""]],
])("%s: every gradient is proved", async (what, options, targets) => {
  const model = lora(base, options);
  const names = new Set(adapterNames(model).map((name) => /^h\.\d+\.?(.*?)\.?lora_/.exec(name)![1]));
  expect([...names]).toEqual(targets);
  const report = await checkGradients({
    model,
    weights: learned(model),
    x,
    y,
    backend: thorough && what.includes("default") ? gpu : cpu,
  });
  expect(report.firstDivergent).toBeNull();
  expect(report.pass).toBe(true);
  const shown = report.tensors.flatMap((t) => (t.parameter && t.conclusive ? [t.name.slice(2)] : []));
  expect(shown.sort()).toEqual(adapterNames(model).sort());
});

test.each<[LoraOptions, RegExp]>([
  [{ rank: 0 }, /lora: rank must be a whole number from 1 up, got 0/],
  [{ rank: 2, alpha: 0 }, /lora: alpha must be a number above 0, got 0/],
  [{ rank: 2, dropout: 1 }, /lora: dropout must be at least 0 and below 1, got 1/],
  [
    { rank: 2, targets: ["query"] },
    /lora: no linear map is called "query"; there are in_proj, q_proj, k_proj, v_proj, out_proj, 4, 6, 9, and the words attention, linear, all-linear/,
  ],
  [{ rank: 2, targets: "e" }, /lora: "e" is a layer embedding, and adapters stand beside linear maps alone; there are/],
  [{ rank: 2, targets: [] }, /lora: targets must be names, got \[\]/],
  [{ rang: 2 } as never, /rang/],
])("%j is refused", (options, message) => {
  expect(() => lora(base, options)).toThrow(message);
});

test("a model file says it as data, and wrong fields are refused by name", () => {
  const model = lora(base, { rank: 2, targets: "q_proj" });
  expect(parseModel(JSON.parse(JSON.stringify(model)))).toEqual(model);
  expect(() => lora(model, { rank: 2 })).toThrow(/the model has adapters already/);
  const of = (own: object) => () => parseModel({ layers: [{ type: "linear", in: 2, out: 2, lora: own }], loss: "mse" });
  expect(of({ rank: 0 })).toThrow(/layer 0 \(linear\): "lora": "rank" must be a whole number from 1/);
  expect(of({ rank: 2, use_dora: true })).toThrow(/"lora": unknown field "use_dora"; known are rank, alpha, dropout/);
  expect(of([8])).toThrow(/"lora" must be an object with a rank/);
  const attention = { type: "attention", size: 4, heads: 2, lora: { rank: 1, targets: ["in_proj", "q_proj"] } };
  expect(() => parseModel({ input: [3, 4], layers: [attention], loss: "mse" })).toThrow(/in_proj is queries, keys and/);
});

test("PyTorch's net has adapters as modules, under the names of their parameters", () => {
  const drops = lora(base, { rank: 1, alpha: 3, dropout: 0.5, targets: ["q_proj", "out_proj", "linear"] });
  const script = modelPy(drops);
  for (const line of [
    'adapters={"q_proj": (0, Adapter(',
    "rank=1, scale=3, dropout=0.5))}, out_proj=AdaptedLinear(",
    "class AdaptedAttention(GroupedAttention):",
    "rank=1, scale=3, dropout=0.5),",
  ]) {
    expect(script).toContain(line);
  }
  expect(script.match(/^class Adapter\(/gm)).toHaveLength(1);
  // One that drops is told which masks it has: its module's name, and the layer by which they are drawn.
  const names = dropoutNames(drops).map(([, name]) => name);
  expect(names).toEqual(["h.1.q_proj.drop", "h.1.out_proj.drop", "h.4.drop", "h.6.drop"]);
  expect(isSequential(lora(sequential([linear(2, 4), tanh(), linear(2)], { loss: "mse" }), { rank: 1 }))).toBe(true);
  expect(modelPy(base)).not.toContain("Adapter");
});

test("a small dense net with adapters is one kernel too", async () => {
  const dense = sequential([linear(2, 4), tanh(), linear(4), tanh(), linear(2)], { loss: "crossEntropy" });
  const model = lora(dense, { rank: 1 });
  expect(adapterNames(model)).toEqual(["0.lora_A.weight", "0.lora_B.weight", "2.lora_A.weight", "2.lora_B.weight"]);
  const options = { model, data: exclusiveOr, batch: "full", optimizer: { type: "adam", lr: 0.05 } } as const;
  const trainer = await createTrainer(gpu, options);
  expect(trainer.execution).toMatch(/one kernel|whole steps|steps a dispatch/);
  const losses: number[] = [];
  for await (const m of trainer.run({ steps: 40 })) losses.push(m.loss);
  const other = await createTrainer(cpu, options);
  const others: number[] = [];
  for await (const m of other.run({ steps: 40 })) others.push(m.loss);
  expect(normError(losses, others)).toBeLessThan(1e-4);
  for (const t of [trainer, other]) t.dispose();
});
