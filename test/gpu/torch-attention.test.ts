import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray, reshape, sizeOf } from "../../src/core/ndarray.ts";
import { backward } from "../../src/graph/backward.ts";
import { Graph } from "../../src/graph/graph.ts";
import { weightsOf } from "../../src/io/weights/weights.ts";
import { forward, lossOf } from "../../src/nn/forward.ts";
import { modelTensors } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

interface AttentionCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly lengths?: readonly number[];
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, TorchArray>>;
  readonly dx: TorchArray;
}

const cases = table<AttentionCase>("attention");

/** One pass forward and back: loss, outputs, the gradients of the input and of each parameter. */
async function run(backend: Backend, c: AttentionCase) {
  const model = parseModel(c.model);
  const inModel = (arrays: Readonly<Record<string, TorchArray>>) =>
    weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), model, "f64");
  const g = new Graph();
  const given = toArray(c.x);
  const x = g.variable("x", reshape(given, [given.shape[0]!, sizeOf(given.shape.slice(1))]));
  const y = g.variable("y", toArray(c.y));
  const lengths = c.lengths ? g.variable("lengths", ndarray([c.lengths.length], "i32", c.lengths)) : null;
  const tensors = modelTensors(g, model, inModel(c.weights), 2 ** 30);
  const outputs = await forward(g, model, x, tensors, { training: true, seed: 1, cursor: null, lengths });
  const loss = await lossOf(g, model, outputs, y);
  const names = [...tensors.parameters.keys()];
  const targets = [...tensors.parameters.values(), x];
  const sum = (a: typeof x, b: typeof x) => g.one(add, [a, b], null);
  const gradients = backward(g, loss, g.variable("d loss", ndarray([1], "f64", [1])), targets, sum);
  const wanted = [loss, outputs, ...targets.map((t) => gradients.get(t)!)];
  g.keep(...wanted);
  g.prune();
  const executor = await backend.compile(g, { nodes: fuse(g) });
  const [found, output, ...made] = await executor.run(1, wanted);
  executor.dispose();
  return { loss: found!.data[0]!, output: output!, dx: made.at(-1)!, made, names, exact: inModel(c.gradients) };
}

async function agrees(backend: Backend, c: AttentionCase, limit: number): Promise<void> {
  const { loss, output, dx, made, names, exact } = await run(backend, c);
  expect(Math.abs(loss - c.loss), "loss").toBeLessThan(limit * Math.abs(c.loss) + limit / 10);
  expect(normError(output.data, c.output.data), "outputs").toBeLessThan(limit);
  expect(normError(dx.data, c.dx.data), "gradient of the input").toBeLessThan(limit);
  expect([...names].sort()).toEqual([...exact.keys()].sort());
  for (const [i, name] of names.entries()) {
    expect(normError(made[i]!.data, exact.get(name)!.data, 1e-4), `gradient of ${name}`).toBeLessThan(limit);
  }
}

describe("CPU f64 against PyTorch, 1e-12", () => {
  test.each(cases)("$name", async (c) => agrees(referenceBackend("f64"), c, 1e-12));
});

describe.each([
  ["WebGPU", async () => asDispatches(await openGpu())],
  ["WebAssembly", wasmBackend],
] as const)("%s against PyTorch, 2e-5", (which, open) => {
  // Kernels are many, and long to compile: on the device every fourth, unless all are asked for.
  const some = which === "WebGPU" && !thorough ? cases.filter((_, i) => i % 4 === 1) : cases;
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  test.each(some)("$name", async (c) => agrees(backend, c, 2e-5));
});
