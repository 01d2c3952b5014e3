import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { weightsOf } from "../../src/io/weights/weights.ts";
import { unpackParameters } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { matchRows } from "../../src/train/data/match-rows.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

type Arrays = Readonly<Record<string, TorchArray>>;
interface TokenCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Arrays;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Arrays;
}

const cases = table<TokenCase>("tokens");

async function agrees(backend: Backend, c: TokenCase, limit: number): Promise<void> {
  const model = parseModel(c.model);
  const named = (arrays: Arrays) =>
    weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), model, "f64");
  const { x, y } = matchRows(model, { x: toArray(c.x), y: toArray(c.y) }, c.name);
  const g = await gradientGraph(model, named(c.weights), x, y, { seed: 1, maxBufferSize: 2 ** 28, ofInputs: true });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const [loss, output, ...flats] = await executor.run(1, [g.loss, g.outputs, ...g.flatGradients]);
  executor.dispose();
  expect(Math.abs(loss!.data[0]! - c.loss), "loss").toBeLessThan(limit * c.loss);
  expect(normError(output!.data, c.output.data), "outputs").toBeLessThan(limit);
  const gradients = unpackParameters(g.groups, flats);
  const exact = named(c.gradients);
  expect([...gradients.keys()].sort()).toEqual([...exact.keys()].sort());
  for (const [name, e] of exact) {
    expect(normError(gradients.get(name)!.data, e.data), `gradient of ${name}`).toBeLessThan(limit);
  }
}

describe.each([
  ["CPU f64", 1e-12, async () => referenceBackend("f64")],
  ["WebGPU as dispatches", 2e-5, async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", 2e-5, async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", 2e-5, wasmBackend],
] as const)("tokens on %s against PyTorch, %s", (which, limit, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  // Each is a kernel of its own, which takes long to compile: every fourth, unless all are asked for.
  const some = which === "WebGPU on the chip" && !thorough ? cases.filter((_, i) => i % 4 === 1) : cases;
  test.each(some)("$name", async (c) => agrees(backend, c, limit));
});
