import type { Backend } from "../../src/backend/executor.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import { weightsOf } from "../../src/io/weights/weights.ts";
import { weightSpecs } from "../../src/nn/parameter-specs.ts";
import { unpackParameters, unpackWeights, weightVariables } from "../../src/nn/parameters.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { matchRows } from "../../src/train/data/match-rows.ts";
import { Predictor } from "../../src/train/evaluation/predictor.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { normError, type TorchArray, toArray } from "./torch.ts";

type Arrays = Readonly<Record<string, TorchArray>>;

/** A net of any wiring with what PyTorch made of it: one pass forward and back, then one in evaluation. */
export interface GraphCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Arrays;
  readonly x: TorchArray;
  readonly y: TorchArray;
  readonly output: TorchArray;
  readonly loss: number;
  readonly gradients: Arrays;
  readonly dx: TorchArray;
  readonly statistics?: Arrays;
  readonly evaluated?: TorchArray;
}

/** Arrays of a state_dict as they are here. */
const weightsIn = (c: GraphCase, arrays: Arrays): Map<string, NdArray> =>
  weightsOf(new Map(Object.entries(arrays).map(([name, a]) => [name, toArray(a)])), parseModel(c.model), "f64");

async function run(backend: Backend, c: GraphCase) {
  const model = parseModel(c.model);
  const weights = weightsIn(c, c.weights);
  const { x, y } = matchRows(model, { x: toArray(c.x), y: toArray(c.y) }, c.name);
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
  const gradients = unpackParameters(g.groups, read.slice(variables.length));
  return { loss: loss!.data[0]!, output: output!, dx: dx!, gradients, evaluated };
}

/** Gradients as they are here: where a weight lies turned in files, so does its gradient. */
function gradientsIn(c: GraphCase): Map<string, NdArray> {
  const statistics = c.statistics ?? {};
  const all = weightsIn(c, { ...c.gradients, ...statistics });
  const specs = weightSpecs(parseModel(c.model));
  return new Map([...all].filter(([name]) => specs.some((s) => s.name === name) && !(name in statistics)));
}

/** The length of the longest gradient, that of the input among them. */
export function longestGradient(c: GraphCase): number {
  return Math.max(...[c.dx, ...Object.values(c.gradients)].map(({ data }) => Math.hypot(...data)));
}

/**
 * What a backend makes of a net, by how far each array is from PyTorch's, of its own length or of `least` where that is
 * more. An array that one of the two lacks is infinitely far.
 */
export async function graphErrors(
  backend: Backend,
  c: GraphCase,
  least = 1e-30,
): Promise<readonly (readonly [what: string, error: number])[]> {
  const { loss, output, dx, gradients, evaluated } = await run(backend, c);
  const exact = gradientsIn(c);
  const names = new Set([...gradients.keys(), ...exact.keys()]);
  const gradient = (name: string): number => {
    const [got, e] = [gradients.get(name), exact.get(name)];
    return got && e ? normError(got.data, e.data, least) : Number.POSITIVE_INFINITY;
  };
  return [
    ["loss", Math.abs(loss - c.loss) / (Math.abs(c.loss) + 0.1)],
    ["outputs", normError(output.data, c.output.data)],
    ["gradient of the input", normError(dx.data, c.dx.data, least)],
    ...[...names].map((name) => [`gradient of ${name}`, gradient(name)] as const),
    ...Object.entries(evaluated ? c.statistics! : {}).map(
      ([name, a]) => [name, normError(evaluated!.kept.get(name)!.data, a.data, least)] as const,
    ),
    ...(evaluated ? [["outputs in evaluation", normError(evaluated.outputs.data, c.evaluated!.data)] as const] : []),
  ];
}
