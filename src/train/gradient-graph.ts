import { type NdArray, ndarray, sizeOf } from "../core/ndarray.ts";
import { backward } from "../graph/backward.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { forward, lossOf } from "../nn/forward.ts";
import type { ModelSpec } from "../nn/model.ts";
import { type ParameterGroup, parameterGroups } from "../nn/parameters.ts";
import { add } from "../ops/add.ts";
import { storeHalves } from "../ops/halves.ts";
import { lossScale } from "../ops/loss-scale.ts";
import { alignView, pack } from "../ops/views.ts";
import { firstControl } from "./precision.ts";

/** The forward and backward passes over one batch, inside a graph. */
export interface ForwardBackward {
  readonly outputs: Tensor;
  readonly loss: Tensor;
  readonly groups: readonly ParameterGroup[];
  /** Parameter and gradient of each parameter, by name. */
  readonly parameters: ReadonlyMap<string, { readonly value: Tensor; readonly gradient: Tensor }>;
  /** The gradient of every value on the way from the parameters to the loss. */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** The gradients of each group, flat, laid out as its parameters. */
  readonly flatGradients: readonly Tensor[];
}

export interface ForwardBackwardOptions {
  readonly seed: number;
  readonly cursor: Tensor | null;
  readonly maxBufferSize: number;
  /**
   * The numbers of a step, control f32 [8], by whose loss scale all gradients are multiplied; products read halves then.
   * Absent: f32 throughout, and gradients as they are.
   */
  readonly scaledBy?: Tensor | null;
  /** Also differentiates with respect to the batch's inputs. */
  readonly ofInputs?: boolean;
}

/** Records forward and loss of a batch x, y, differentiates, and gathers the gradients into flat arrays. */
export function forwardBackward(
  g: Graph,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: Tensor,
  y: Tensor,
  options: ForwardBackwardOptions,
): ForwardBackward {
  const { scaledBy } = options;
  const scale = scaledBy ? g.one(lossScale, [scaledBy], null, "d loss") : null;
  const pass = forwardPass(g, model, weights, x, options);
  const loss = lossOf(g, model, pass.outputs, y);
  const seed = scale ?? g.variable("d loss", ndarray([1], "f32", [1]));
  const back = backwardPass(g, pass, loss, seed, options.ofInputs ? [x] : []);
  if (scale) storeHalves(g);
  return { ...pass, loss, ...back };
}

type ForwardPass = Pick<ForwardBackward, "outputs" | "groups"> & { readonly values: ReadonlyMap<string, Tensor> };

function forwardPass(
  g: Graph,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: Tensor,
  { seed, cursor, maxBufferSize }: ForwardBackwardOptions,
): ForwardPass {
  const groups = parameterGroups(g, model, weights, maxBufferSize);
  const values = new Map(groups.flatMap((group) => group.parameters.map((p) => [p.spec.name, p.tensor] as const)));
  return { groups, values, outputs: forward(g, model, x, values, { training: true, seed, cursor }) };
}

/** From a value whose gradient is `seed` back to the parameters, and to `inputs`. */
function backwardPass(
  g: Graph,
  { values, groups }: ForwardPass,
  from: Tensor,
  seed: Tensor,
  inputs: readonly Tensor[],
): Pick<ForwardBackward, "parameters" | "gradients" | "flatGradients"> {
  const targets = [...values.values(), ...inputs];
  const gradients = backward(g, from, seed, targets, (a, b) => g.one(add, [a, b], null, a.name));
  const parameters = new Map([...values].map(([name, value]) => [name, { value, gradient: gradients.get(value)! }]));
  const flatGradients = groups.map((group) => {
    const last = group.parameters.at(-1)!;
    const attrs = {
      offsets: group.parameters.map((p) => p.offset),
      size: last.offset + alignView(sizeOf(last.spec.shape)),
    };
    const gathered = group.parameters.map((p) => parameters.get(p.spec.name)!.gradient);
    return g.one(pack, gathered, attrs, `d ${group.flat.name}`);
  });
  return { parameters, gradients, flatGradients };
}

/** A graph that computes loss and gradients of one given batch, and no more. */
export interface GradientGraph extends ForwardBackward {
  readonly graph: Graph;
  readonly x: Tensor;
  readonly y: Tensor;
  /** u32 [4]; its first number, the step, decides which masks dropout draws. */
  readonly cursor: Tensor;
  /** Where the scale of the gradients can be written, as firstControl has it; null where there is none. */
  readonly control: Tensor | null;
}

/**
 * x [n, inputs]; y [n, outputs] or class indices i32 [n]. Dropout draws the masks of the step in `cursor`, 0 at first. With
 * `lossScale` products read halves, and gradients are so many times as large.
 */
export function gradientGraph(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  y: NdArray,
  options: Omit<ForwardBackwardOptions, "cursor" | "scaledBy"> & { readonly lossScale?: number | null },
): GradientGraph {
  const { graph, inputs, targets, cursor } = batchGraph(x, y, "y");
  const { lossScale: scale = null } = options;
  const control = scale === null ? null : graph.variable("control", firstControl(scale));
  const body = forwardBackward(graph, model, weights, inputs, targets, { ...options, cursor, scaledBy: control });
  graph.keep(body.loss);
  return finish(graph, { graph, x: inputs, y: targets, cursor, control, ...body });
}

/** The same from the outputs back: y is the gradient dy [n, outputs] of whatever the caller makes of them. */
export function outputGradientGraph(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  dy: NdArray,
  options: Omit<ForwardBackwardOptions, "cursor" | "scaledBy">,
): Omit<GradientGraph, "loss" | "control"> & { readonly loss: null } {
  const { graph, inputs, targets, cursor } = batchGraph(x, dy, "d outputs");
  const pass = forwardPass(graph, model, weights, inputs, { ...options, cursor });
  const back = backwardPass(graph, pass, pass.outputs, targets, options.ofInputs ? [inputs] : []);
  return finish(graph, { graph, x: inputs, y: targets, cursor, loss: null, ...pass, ...back });
}

function batchGraph(x: NdArray, y: NdArray, name: string) {
  const graph = new Graph();
  const inputs = graph.variable("x", x);
  const targets = graph.variable(name, y);
  const cursor = graph.variable("cursor", ndarray([4], "u32", [0, 0, 0, 0]));
  return { graph, inputs, targets, cursor };
}

/** Keeps what a caller reads, and drops what leads to nothing else. */
function finish<T extends Pick<GradientGraph, "x" | "outputs" | "gradients" | "flatGradients">>(g: Graph, body: T): T {
  const dx = body.gradients.get(body.x);
  g.keep(body.outputs, ...body.flatGradients, ...(dx ? [dx] : []));
  g.prune();
  return body;
}
