import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import { unpackParameters } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray, toParameters } from "../shared/torch.ts";

interface LayerCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, TorchArray>>;
}

const cases = table<LayerCase>("layers");

async function run(backend: Backend, c: LayerCase) {
  const model = parseModel(c.model);
  const weights = toParameters(c.weights);
  const g = await gradientGraph(model, weights, toArray(c.x), toArray(c.y), { seed: 1, maxBufferSize: 2 ** 30 });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const [loss, output, ...flats] = await executor.run(1, [g.loss, g.outputs, ...g.flatGradients]);
  executor.dispose();
  return { loss: loss!.data[0]!, output: output!, gradients: unpackParameters(g.groups, flats) };
}

/** Parameters under f64 lose nothing; the graph's own flat variable is f32, as the tables' values are. */
function worstGradient(gradients: ReadonlyMap<string, NdArray>, c: LayerCase, floor: number): number {
  const exact = toParameters(c.gradients);
  expect([...gradients.keys()].sort()).toEqual([...exact.keys()].sort());
  return Math.max(...[...exact].map(([name, e]) => normError(gradients.get(name)!.data, e.data, floor)));
}

describe("CPU f64 against PyTorch, 1e-10", () => {
  test.each(cases)("$name", async (c) => {
    const { loss, output, gradients } = await run(referenceBackend("f64"), c);
    expect(Math.abs(loss - c.loss) / Math.max(1e-12, Math.abs(c.loss))).toBeLessThan(1e-10);
    expect(normError(output.data, c.output.data)).toBeLessThan(1e-10);
    expect(worstGradient(gradients, c, 1e-30)).toBeLessThan(1e-10);
  });
});

/** On the chip each net is a kernel of its own, and test/gpu/on-chip has every op: every other, unless all are asked for. */
const everyOther = cases.filter((_, i) => thorough || i % 2 === 0);

describe.each([
  ["WebGPU as dispatches", cases, async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", everyOther, async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", cases, wasmBackend],
] as const)("%s against PyTorch, 1e-5", (_name, some, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());

  test.each(some)("$name", async (c) => {
    const { loss, output, gradients } = await run(backend, c);
    // f32 cannot hold what is below its range; a loss near 0 has an error relative to the logits.
    expect(Math.abs(loss - c.loss)).toBeLessThan(1e-5 * Math.abs(c.loss) + 1e-6);
    expect(normError(output.data, c.output.data, 1e-30)).toBeLessThan(1e-5);
    expect(worstGradient(gradients, c, 1e-30)).toBeLessThan(1e-5);
  });
});
