import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray, reshape, sizeOf } from "../../src/core/ndarray.ts";
import { weightsOf } from "../../src/io/weights/weights.ts";
import { unpackParameters } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

interface RecurrentCase {
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

const cases = table<RecurrentCase>("recurrent");

/** One pass forward and back, with gradients side by side as a step has them: loss, outputs, and all gradients. */
async function run(backend: Backend, c: RecurrentCase) {
  const model = parseModel(c.model);
  const inModel = (arrays: Readonly<Record<string, TorchArray>>) =>
    weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), model, "f64");
  const given = toArray(c.x);
  const x = reshape(given, [given.shape[0]!, sizeOf(given.shape.slice(1))]);
  const lengths = c.lengths ? { lengths: ndarray([c.lengths.length], "i32", c.lengths) } : {};
  const g = await gradientGraph(model, inModel(c.weights), x, toArray(c.y), {
    ...{ seed: 1, maxBufferSize: 2 ** 30, ofInputs: true },
    ...lengths,
  });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const wanted = [g.loss, g.outputs, g.gradients.get(g.x)!, ...g.flatGradients];
  const [loss, output, dx, ...flat] = await executor.run(1, wanted);
  executor.dispose();
  const gradients = unpackParameters(g.groups, flat);
  return { loss: loss!.data[0]!, output: output!, dx: dx!, gradients, exact: inModel(c.gradients) };
}

async function agrees(backend: Backend, c: RecurrentCase, limit: number): Promise<void> {
  const { loss, output, dx, gradients, exact } = await run(backend, c);
  expect(Math.abs(loss - c.loss), "loss").toBeLessThan(limit * Math.abs(c.loss) + limit / 10);
  expect(normError(output.data, c.output.data), "outputs").toBeLessThan(limit);
  expect(normError(dx.data, c.dx.data), "gradient of the input").toBeLessThan(limit);
  expect([...gradients.keys()].sort()).toEqual([...exact.keys()].sort());
  for (const [name, { data }] of gradients) {
    expect(normError(data, exact.get(name)!.data, 1e-4), `gradient of ${name}`).toBeLessThan(limit);
  }
}

describe("CPU f64 against PyTorch, 1e-12", () => {
  test.each(cases)("$name", async (c) => agrees(referenceBackend("f64"), c, 1e-12));
});

describe.each([
  ["WebGPU", async () => asDispatches(await openGpu())],
  ["WebAssembly", wasmBackend],
] as const)("%s against PyTorch, 2e-5", (which, open) => {
  // The kernels are few and the nets many: every third, or every other, unless all are asked for.
  const each = which === "WebGPU" ? 3 : 2;
  const some = cases.filter((_, i) => thorough || i % each === 0);
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  test.each(some)("$name", async (c) => agrees(backend, c, 2e-5));
});
