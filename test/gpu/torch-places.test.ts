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
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

type Arrays = Readonly<Record<string, TorchArray>>;
interface PlaceCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Arrays;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Arrays;
  readonly dx: TorchArray;
}

const cases = table<PlaceCase>("places");

async function agrees(backend: Backend, c: PlaceCase, limit: number): Promise<void> {
  const model = parseModel(c.model);
  const named = (arrays: Arrays) =>
    weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), model, "f64");
  const { x, y } = matchRows(model, { x: toArray(c.x), y: toArray(c.y) }, c.name);
  const options = { seed: 1, maxBufferSize: 2 ** 28, ofInputs: true };
  const g = await gradientGraph(model, named(c.weights), x, y, options);
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const wanted = [g.loss, g.outputs, g.gradients.get(g.x)!, ...g.flatGradients];
  const [loss, output, dx, ...flats] = await executor.run(1, wanted);
  executor.dispose();
  expect(Math.abs(loss!.data[0]! - c.loss), "loss").toBeLessThan(limit * c.loss);
  expect(normError(output!.data, c.output.data), "outputs").toBeLessThan(limit);
  expect(normError(dx!.data, c.dx.data), "gradient of the input").toBeLessThan(limit);
  const gradients = unpackParameters(g.groups, flats);
  for (const [name, exact] of named(c.gradients)) {
    expect(normError(gradients.get(name)!.data, exact.data), `gradient of ${name}`).toBeLessThan(limit);
  }
}

describe.each([
  ["CPU f64", 1e-12, async () => referenceBackend("f64")],
  ["WebGPU as dispatches", 1e-5, async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", 1e-5, async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", 1e-5, wasmBackend],
] as const)("classes of places on %s against PyTorch, %s", (_which, limit, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  test.each(cases)("$name", async (c) => agrees(backend, c, limit));
});
