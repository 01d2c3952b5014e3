import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, sizeOf } from "../../core/ndarray.ts";
import { backward } from "../../graph/backward.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { forward, lossOf } from "../../nn/forward.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { type ModelTensors, modelTensors, type ParameterGroup, type Statistics } from "../../nn/parameters.ts";
import { add } from "../../ops/elementwise/add.ts";
import { alignView, pack } from "../../ops/shared/views.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";
import type { HalfSteps } from "../f16/precision.ts";
import { penalise } from "./penalise.ts";

/** The forward and backward passes over one batch, inside a graph. */
export interface ForwardBackward {
  readonly outputs: Tensor;
  readonly loss: Tensor;
  /** The loss of each batch by itself. */
  readonly losses: readonly Tensor[];
  readonly groups: readonly ParameterGroup[];
  /** Parameters that have no gradient. */
  readonly frozen: readonly ParameterGroup[];
  /** What layers keep from step to step beside them. */
  readonly kept: readonly Statistics[];
  /** Parameter and gradient of each parameter that is trained, by name. */
  readonly parameters: ReadonlyMap<string, { readonly value: Tensor; readonly gradient: Tensor }>;
  /** The gradient of every value on the way from the parameters to the loss. */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** The gradients of each group, flat, laid out as its parameters. */
  readonly flatGradients: readonly Tensor[];
}

export interface ForwardBackwardOptions {
  readonly seed: number;
  readonly maxBufferSize: number;
  readonly penalty?: PenaltySpec | null;
  /** Products read halves, and gradients are scaled; absent or null: f32 throughout, and gradients as they are. */
  readonly scaled?: Scaled | null;
  /** Of the rows of a graph of one batch: steps of each that count, i32 [n]. */
  readonly lengths?: NdArray;
  /** Also differentiates with respect to the batch's inputs, where they are no tokens. */
  readonly ofInputs?: boolean;
}

/** How gradients are scaled in f16. */
interface Scaled {
  /** The numbers of a step, f32 [8], by whose loss scale all gradients are multiplied. */
  readonly control: Tensor;
  readonly steps: HalfSteps;
}

/** One batch: x [batch, inputs], its targets y, and the cursor that dropout draws by. */
export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
  /** Steps of each row that count, i32 [batch]; null: all. */
  readonly lengths: Tensor | null;
  readonly cursor: Tensor;
}

/**
 * Records forward and loss, differentiates, and gathers the gradients into flat arrays. Several batches go through one
 * after the other, each forward and back before the next, so that their values share memory; losses and gradients are
 * of all their rows together.
 */
export async function forwardBackward(
  g: Graph,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  batches: readonly (() => Batch)[],
  options: ForwardBackwardOptions,
): Promise<ForwardBackward> {
  const { scaled = null } = options;
  const at = modelTensors(g, model, weights, options.maxBufferSize);
  const targets = trained(at);
  if (targets.length === 0) throw new ChainruleError("model", "all parameters are frozen: there is nothing to train");
  // A mean of means: every batch has as many rows.
  const share = lossKinds[model.loss].reduction === "mean" ? 1 / batches.length : 1;
  const seed = scaled
    ? scaled.steps.scaledSeed(g, scaled.control, share)
    : g.variable("d loss", ndarray([1], "f64", [share]));
  const gradients = new Map<Tensor, Tensor>();
  let outputs: Tensor | null = null;
  let loss: Tensor | null = null;
  const ofBatches: Tensor[] = [];
  for (const [k, batch] of batches.entries()) {
    const { x, y, lengths, cursor } = batch();
    outputs = await forward(g, model, x, at, { training: true, seed: options.seed, cursor, lengths });
    const own = await lossOf(g, model, outputs, y);
    ofBatches.push(own);
    for (const [t, dt] of backward(
      g,
      own,
      seed,
      options.ofInputs && x.dtype !== "i32" ? [...targets, x] : targets,
      sumIn(g),
    )) {
      const before = targets.includes(t) ? gradients.get(t) : undefined;
      gradients.set(t, before ? sumIn(g)(before, dt) : dt);
    }
    // The sum so far, and at the last batch the share of each.
    const scale = k === batches.length - 1 ? share : 1;
    if (loss) {
      const { combine } = await import("../../ops/lazy.ts");
      loss = g.one(combine, [loss, own], { alpha: scale, beta: scale }, "loss");
    } else loss = own;
  }
  if (options.penalty) loss = await penalise(g, options.penalty, at.groups, loss!, gradients, scaled?.control ?? null);
  const flat = gathered(g, at, gradients);
  scaled?.steps.storeHalves(g);
  const { groups, frozen, kept } = at;
  return { outputs: outputs!, loss: loss!, losses: ofBatches, groups, frozen, kept, gradients, ...flat };
}

/** What is differentiated by. */
const trained = ({ groups }: ModelTensors): Tensor[] => groups.flatMap((g) => g.parameters.map((p) => p.tensor));

/** Adds two gradients of one value. */
const sumIn =
  (g: Graph) =>
  (a: Tensor, b: Tensor): Tensor =>
    g.one(add, [a, b], null, a.name);

/** The parameters' gradients, by name and side by side. */
function gathered(
  g: Graph,
  { groups }: ModelTensors,
  gradients: ReadonlyMap<Tensor, Tensor>,
): Pick<ForwardBackward, "parameters" | "flatGradients"> {
  const parameters = new Map(
    groups.flatMap((group) =>
      group.parameters.map(({ spec, tensor }) => [spec.name, { value: tensor, gradient: gradients.get(tensor)! }]),
    ),
  );
  const flatGradients = groups.map((group) => {
    const last = group.parameters.at(-1)!;
    const attrs = {
      offsets: group.parameters.map((p) => p.offset),
      size: last.offset + alignView(sizeOf(last.spec.shape)),
    };
    const gathered = group.parameters.map((p) => parameters.get(p.spec.name)!.gradient);
    return g.one(pack, gathered, attrs, `d ${group.flat.name}`);
  });
  return { parameters, flatGradients };
}

/** Gradients in f16, so many times as large, a power of two. */
export interface ScaledBy {
  readonly scale: number;
  readonly steps: HalfSteps;
}

/** A graph that computes loss and gradients of one given batch, and no more. */
export interface GradientGraph extends ForwardBackward {
  readonly graph: Graph;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly lengths: Tensor | null;
  /** u32 [4]; its first number, the step, decides which masks dropout draws. */
  readonly cursor: Tensor;
  /** Where the scale of the gradients can be written, as firstControl has it; null where there is none. */
  readonly control: Tensor | null;
}

/**
 * x [n, inputs]; y [n, outputs] or class indices i32 [n]. Dropout draws the masks of the step in `cursor`, 0 at first. With
 * `halves` products read halves, and gradients are `scale` times as large.
 */
export async function gradientGraph(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  y: NdArray,
  options: Omit<ForwardBackwardOptions, "scaled"> & { readonly halves?: ScaledBy | null },
): Promise<GradientGraph> {
  const { graph, inputs, targets, lengths, cursor } = batchGraph(x, y, "y", options.lengths);
  const { halves = null } = options;
  const control = halves && graph.variable("control", halves.steps.firstControl(halves.scale));
  const scaled = halves && { control: control!, steps: halves.steps };
  const batch = () => ({ x: inputs, y: targets, lengths, cursor });
  const body = await forwardBackward(graph, model, weights, [batch], { ...options, scaled });
  graph.keep(body.loss);
  return finish(graph, { graph, x: inputs, y: targets, lengths, cursor, control, ...body });
}

/** The same from the outputs back: y is the gradient dy [n, outputs] of whatever the caller makes of them. */
export async function outputGradientGraph(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  x: NdArray,
  dy: NdArray,
  options: Omit<ForwardBackwardOptions, "scaled">,
): Promise<Omit<GradientGraph, "loss" | "control"> & { readonly loss: null }> {
  const { graph, inputs, targets, lengths, cursor } = batchGraph(x, dy, "d outputs", options.lengths);
  const at = modelTensors(graph, model, weights, options.maxBufferSize);
  const outputs = await forward(graph, model, inputs, at, { training: true, seed: options.seed, cursor, lengths });
  const of = [...trained(at), ...(options.ofInputs && inputs.dtype !== "i32" ? [inputs] : [])];
  const gradients = backward(graph, outputs, targets, of, sumIn(graph));
  const back = { gradients, ...gathered(graph, at, gradients) };
  return finish(graph, {
    graph,
    x: inputs,
    y: targets,
    lengths,
    cursor,
    loss: null,
    losses: [],
    outputs,
    groups: at.groups,
    frozen: at.frozen,
    kept: at.kept,
    ...back,
  });
}

function batchGraph(x: NdArray, y: NdArray, name: string, given?: NdArray) {
  const graph = new Graph();
  const inputs = graph.variable("x", x);
  const targets = graph.variable(name, y);
  const cursor = graph.variable("cursor", ndarray([4], "u32", [0, 0, 0, 0]));
  const lengths = given ? graph.variable("lengths", given) : null;
  return { graph, inputs, targets, lengths, cursor };
}

/** Keeps what a caller reads, and drops what leads to nothing else. */
function finish<T extends Pick<GradientGraph, "x" | "outputs" | "gradients" | "flatGradients">>(g: Graph, body: T): T {
  const dx = body.gradients.get(body.x);
  g.keep(body.outputs, ...body.flatGradients, ...(dx ? [dx] : []));
  g.prune();
  return body;
}
