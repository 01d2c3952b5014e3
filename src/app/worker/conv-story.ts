import { ReferenceExecutor } from "../../backend/reference/executor.ts";
import { ndarray } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { initialise } from "../../nn/initialise.ts";
import { relu } from "../../nn/layers/activation.ts";
import { conv2d } from "../../nn/layers/conv.ts";
import { linear } from "../../nn/layers/linear.ts";
import { maxPool2d } from "../../nn/layers/pool.ts";
import { flatten } from "../../nn/layers/reshape.ts";
import { sequential } from "../../nn/sequential.ts";
import { gradientGraph } from "../../train/run/gradient-graph.ts";
import { CLASSES, KERNEL, POOL, SIDE } from "./conv-sizes.ts";

/** The numbers that the small net learns, flat. */
export interface ConvParameters {
  /** [kernels, 3, 3] */
  readonly kernels: readonly number[];
  /** [kernels] */
  readonly kernelBias: readonly number[];
  /** [inputs, classes] */
  readonly weights: readonly number[];
  /** [classes] */
  readonly bias: readonly number[];
}

/** A small net of one convolution, and the image that goes through it. */
export interface ConvSetup {
  readonly kernels: number;
  readonly padding: number;
  readonly stride: number;
  /** [6, 6], flat. */
  readonly x: readonly number[];
  /** Which class the image is of. */
  readonly label: number;
  /** Null, or of another size than these settings have: numbers to begin with. */
  readonly parameters: ConvParameters | null;
}

/** Values and what comes back, flat: [channels, side, side]. */
export interface Maps {
  readonly channels: number;
  readonly side: number;
  readonly values: readonly number[];
  /** d loss / d value. */
  readonly deltas: readonly number[];
}

/** One image's way through the small net, there and back, in f64. */
export interface ConvStory extends Omit<ConvSetup, "kernels" | "x" | "parameters"> {
  readonly input: Maps;
  readonly conv: Maps;
  readonly relu: Maps;
  readonly pool: Maps;
  /** Where in its map each window's largest lies. */
  readonly winners: readonly number[];
  readonly outputs: Pick<Maps, "values" | "deltas">;
  readonly loss: number;
  readonly parameters: ConvParameters;
  readonly gradients: ConvParameters;
}

const SEED = 7;

/** Kernels that look for an upright line and for a level one: something to see before anything is learned. */
const firstKernels: readonly (readonly number[])[] = [
  [-0.5, 1, -0.5, -0.5, 1, -0.5, -0.5, 1, -0.5],
  [-0.5, -0.5, -0.5, 1, 1, 1, -0.5, -0.5, -0.5],
];

/** Computes the story by the engine's reference; sizes of the net follow from the settings. */
export async function convStory(setup: ConvSetup): Promise<ConvStory> {
  const { kernels, padding, stride, label } = setup;
  const model = sequential(
    [conv2d(kernels, KERNEL, { padding, stride }), relu(), maxPool2d(POOL), flatten(), linear(CLASSES)],
    { input: [1, SIDE, SIDE], loss: "crossEntropy" },
  );
  const first = initialise(model, SEED);
  const start: ConvParameters = {
    kernels: firstKernels.slice(0, kernels).flat(),
    kernelBias: Array.from({ length: kernels }, () => 0),
    weights: [...first.get("4.weight")!.data].map((v) => Math.round(100 * v) / 100),
    bias: Array.from({ length: CLASSES }, () => 0),
  };
  const given = setup.parameters;
  const fitting = (key: keyof ConvParameters): readonly number[] =>
    given && given[key].length === start[key].length ? given[key] : start[key];
  const parameters: ConvParameters = {
    kernels: fitting("kernels"),
    kernelBias: fitting("kernelBias"),
    weights: fitting("weights"),
    bias: fitting("bias"),
  };
  const named = {
    "0.weight": parameters.kernels,
    "0.bias": parameters.kernelBias,
    "4.weight": parameters.weights,
    "4.bias": parameters.bias,
  };
  const weights = new Map(Object.entries(named).map(([n, v]) => [n, ndarray(first.get(n)!.shape, "f64", [...v])]));
  const g = await gradientGraph(
    model,
    weights,
    ndarray([1, SIDE * SIDE], "f64", [...setup.x]),
    ndarray([1], "i32", [label]),
    { seed: 1, maxBufferSize: 2 ** 32, ofInputs: true },
  );
  const exact = new ReferenceExecutor(g.graph, "f64");
  exact.step();
  const list = (t: Tensor): readonly number[] => [...exact.values.get(t)!.data];
  const node = (op: string) => g.graph.nodes.find((n) => n.op.name === op)!;
  const maps = (t: Tensor): Maps => {
    const [, channels = 1, side = 1] = t.shape;
    return { channels, side, values: list(t), deltas: list(g.gradients.get(t)!) };
  };
  const gradient = (name: string): readonly number[] => list(g.parameters.get(name)!.gradient);
  const pool = node("maxPool");
  const active = node("relu");
  return {
    padding,
    stride,
    label,
    input: { channels: 1, side: SIDE, values: list(g.x), deltas: list(g.gradients.get(g.x)!) },
    conv: maps(active.inputs[0]!),
    relu: maps(active.outputs[0]!),
    pool: maps(pool.outputs[0]!),
    winners: list(pool.outputs[1]!),
    outputs: { values: list(g.outputs), deltas: list(g.gradients.get(g.outputs)!) },
    loss: exact.values.get(g.loss)!.data[0]!,
    parameters,
    gradients: {
      kernels: gradient("0.weight"),
      kernelBias: gradient("0.bias"),
      weights: gradient("4.weight"),
      bias: gradient("4.bias"),
    },
  };
}
