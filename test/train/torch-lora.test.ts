import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import { type ModelSpec, mergeLora, Predictor, parseModel } from "../../src/index.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { normError, type TorchArray, table, toArray, toParameters } from "../shared/torch.ts";

interface Case {
  readonly name: string;
  readonly model: ModelSpec;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, TorchArray>>;
}

/** An embedding's rows lie as they do in PyTorch. */
const weightsOf = (of: Case["weights"]): Map<string, NdArray> =>
  new Map([...toParameters(of)].map(([name, a]) => [name, name === "e.weight" ? toArray(of[name]!) : a]));

async function outputs(model: ModelSpec, weights: ReadonlyMap<string, NdArray>, x: NdArray) {
  const predictor = await Predictor.create(referenceBackend("f64"), model, weights, x);
  const { data } = await predictor.run(null);
  predictor.dispose();
  return data;
}

test.each(table<Case>("lora").map((c) => [c.name, c] as const))("as PyTorch computes it: %s", async (_name, c) => {
  const model = parseModel(c.model);
  const [weights, x] = [weightsOf(c.weights), toArray(c.x)];
  expect(normError(await outputs(model, weights, x), c.output.data)).toBeLessThan(1e-12);
  const g = await gradientGraph(model, weights, x, toArray(c.y), { seed: 1, maxBufferSize: 2 ** 28 });
  const backend = referenceBackend("f64");
  const executor = await backend.compile(g.graph);
  const names = [...g.parameters.keys()];
  const [loss, ...gradients] = await executor.run(1, [g.loss, ...names.map((n) => g.parameters.get(n)!.gradient)]);
  expect(loss!.data[0]).toBeCloseTo(c.loss, 12);
  expect(names.toSorted()).toEqual(Object.keys(c.gradients).toSorted());
  const exact = toParameters(c.gradients);
  for (const [i, name] of names.entries()) {
    expect(normError(gradients[i]!.data, exact.get(name)!.data), name).toBeLessThan(1e-12);
  }
  const merged = mergeLora(model, weights);
  expect(normError(await outputs(merged.model, merged.weights, x), c.output.data)).toBeLessThan(1e-12);
});

test("the tables notice a wrong scale, adapters in each other's place and a base that is not frozen", async () => {
  const c = table<Case>("lora")[0]!;
  const [weights, x] = [weightsOf(c.weights), toArray(c.x)];
  const withLora = (change: (lora: { rank: number; alpha: number }) => object): ModelSpec =>
    parseModel({
      ...c.model,
      layers: c.model.layers.map((l) =>
        l.type === "attention" ? { ...l, lora: { ...l.lora!, ...change(l.lora!) } } : l,
      ),
    });
  const off = async (model: ModelSpec, of = weights) => normError(await outputs(model, of, x), c.output.data);
  expect(await off(withLora(({ rank }) => ({ alpha: rank })))).toBeGreaterThan(1e-3);
  expect(await off(withLora(({ rank, alpha }) => ({ alpha: (rank * rank) / alpha })))).toBeGreaterThan(1e-3);
  const swapped = new Map([...weights].map(([name, a]) => [name.replace("q_proj", "k_proj"), a]));
  expect(
    await off(
      withLora(() => ({ targets: ["k_proj", "v_proj"] })),
      swapped,
    ),
  ).toBeGreaterThan(1e-3);
  const open = parseModel({ ...c.model, layers: c.model.layers.map(({ trainable: _, ...l }) => l) });
  const g = await gradientGraph(open, weights, x, toArray(c.y), { seed: 1, maxBufferSize: 2 ** 28 });
  expect(g.parameters.size).toBeGreaterThan(Object.keys(c.gradients).length);
});
