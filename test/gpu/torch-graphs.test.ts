import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { type NdArray, reshape, sizeOf } from "../../src/core/ndarray.ts";
import { weightsOf } from "../../src/io/weights/weights.ts";
import { weightSpecs } from "../../src/nn/parameter-specs.ts";
import { unpackParameters, unpackWeights, weightVariables } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { Predictor } from "../../src/train/evaluation/predictor.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

interface GraphCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, TorchArray>>;
  readonly dx: TorchArray;
  readonly statistics?: Readonly<Record<string, TorchArray>>;
  readonly evaluated?: TorchArray;
}

const cases = table<GraphCase>("graphs");
const rowsOf = (a: NdArray): NdArray => reshape(a, [a.shape[0]!, sizeOf(a.shape.slice(1))]);
/** Arrays of a state_dict as they are here. */
const weightsIn = (c: GraphCase, arrays: Readonly<Record<string, TorchArray>>): Map<string, NdArray> =>
  weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), parseModel(c.model), "f64");

async function run(backend: Backend, c: GraphCase) {
  const model = parseModel(c.model);
  const weights = weightsIn(c, c.weights);
  const [x, y] = [rowsOf(toArray(c.x)), c.y.shape.length > 1 ? rowsOf(toArray(c.y)) : toArray(c.y)];
  const g = await gradientGraph(model, weights, x, y, { seed: 1, maxBufferSize: 2 ** 30, ofInputs: true });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const variables = weightVariables(g);
  const wanted = [g.loss, g.outputs, g.gradients.get(g.x)!, ...variables, ...g.flatGradients];
  const [loss, output, dx, ...read] = await executor.run(1, wanted);
  executor.dispose();
  const evaluated = await (async () => {
    if (!c.evaluated) return null;
    const kept = unpackWeights(g, read.slice(0, variables.length));
    const predictor = await Predictor.create(backend, model, kept, x);
    const outputs = await predictor.run(kept);
    predictor.dispose();
    return { kept, outputs };
  })();
  return {
    loss: loss!.data[0]!,
    output: output!,
    dx: dx!,
    gradients: unpackParameters(g.groups, read.slice(variables.length)),
    evaluated,
  };
}

async function agrees(backend: Backend, c: GraphCase, limit: number): Promise<void> {
  const { loss, output, dx, gradients, evaluated } = await run(backend, c);
  expect(Math.abs(loss - c.loss), "loss").toBeLessThan(limit * Math.abs(c.loss) + limit / 10);
  expect(normError(output.data, c.output.data), "outputs").toBeLessThan(limit);
  expect(normError(dx.data, c.dx.data), "gradient of the input").toBeLessThan(limit);
  const exact = gradientsIn(c);
  expect([...gradients.keys()].sort()).toEqual([...exact.keys()].sort());
  for (const [name, e] of exact) {
    expect(normError(gradients.get(name)!.data, e.data), `gradient of ${name}`).toBeLessThan(limit);
  }
  if (!evaluated) return;
  for (const [name, a] of Object.entries(c.statistics!)) {
    expect(normError(evaluated.kept.get(name)!.data, a.data), name).toBeLessThan(limit);
  }
  expect(normError(evaluated.outputs.data, c.evaluated!.data), "outputs in evaluation").toBeLessThan(limit);
}

/** Gradients as they are here: where a weight lies turned in files, so does its gradient. */
function gradientsIn(c: GraphCase): Map<string, NdArray> {
  const statistics = c.statistics ?? {};
  const all = weightsIn(c, { ...c.gradients, ...statistics });
  const specs = weightSpecs(parseModel(c.model));
  return new Map([...all].filter(([name]) => specs.some((s) => s.name === name) && !(name in statistics)));
}

describe("CPU f64 against PyTorch, 1e-11", () => {
  test.each(cases)("$name", async (c) => agrees(referenceBackend("f64"), c, 1e-11));
});

describe.each([
  ["WebGPU as dispatches", async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", wasmBackend],
] as const)("%s against PyTorch, 1e-5", (which, open) => {
  const onOneChip = which === "WebGPU on the chip";
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());

  // One kernel of all its steps would be too long to compile: such a net runs as dispatches.
  // Each is a kernel of its own, and test/gpu/on-chip has every op: here every other net, unless all are asked for.
  const some = onOneChip && !thorough ? cases.filter((_, i) => i % 2 === 0) : cases;
  const fits = some.filter(({ name }) => !(onOneChip && name === "residual, fourteen convolutions"));
  test.each(fits)("$name", async (c) => agrees(backend, c, 1e-5));
});
