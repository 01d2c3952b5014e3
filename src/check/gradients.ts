import type { Backend } from "../backend/executor.ts";
import { ReferenceExecutor } from "../backend/reference/executor.ts";
import { type Abortable, orAborted, throwIfAborted } from "../core/abort.ts";
import { type Comparison, compare } from "../core/compare.ts";
import type { NdArray, Shape } from "../core/ndarray.ts";
import { turn } from "../core/turn.ts";
import type { Tensor } from "../graph/graph.ts";
import { requireModel } from "../nn/model.ts";
import { withLength } from "../nn/model-length.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { fuse } from "../ops/fuse.ts";
import { checkPenalty, type PenaltySpec } from "../optim/penalty.ts";
import { idealValues, propagateBounds } from "../proof/propagate.ts";
import { matchRows } from "../train/data/match-rows.ts";
import type { Precision } from "../train/f16/precision.ts";
import { type GradientGraph, gradientGraph } from "../train/run/gradient-graph.ts";
import { checkWeights } from "../train/run/options.ts";
import { checkFiniteDifferences, type FiniteDifferenceResult, LossProbe } from "./finite-differences.ts";
import { planFinite } from "./finite-work.ts";
import { F32_NORMS, halfNorms, normLimits } from "./norm-limits.ts";

/** A net, a batch, and the device whose gradients are to be proved. */
export interface GradientCheckOptions extends Abortable {
  /** The net and its loss. */
  readonly model: ModelSpec;
  /** W [in, out] by name. */
  readonly weights: ReadonlyMap<string, NdArray>;
  /** One batch: x [n, inputs]. */
  readonly x: NdArray;
  /** Its targets, as the loss takes them: [n, outputs], or class indices i32 [n]. */
  readonly y: NdArray;
  /** Steps of each row that count, i32 [n], where rows are sequences of several lengths. */
  readonly lengths?: NdArray;
  /** The device to check; null leaves f64 against finite differences. */
  readonly backend: Backend | null;
  /** A second device, beside the first: the CPU in f32. It is shown, and decides nothing. */
  readonly beside?: Backend | null;
  /** Draws dropout's masks. Default 1. */
  readonly seed?: number;
  /** How the device stores the operands of products. With f16 the bound is that of halves. Default f32. */
  readonly precision?: Precision;
  /** The run's penalty, where it has one: then the loss and every gradient are checked with it. */
  readonly penalty?: PenaltySpec;
  /**
   * Multiplications that finite differences may cost in all. Where they are few for the net, only parameters' gradients are
   * held against them, at a few elements or along one direction alone; with 0 none is. Default: so many a tensor.
   */
  readonly finiteWork?: number;
  /** Is told how many of the graph's nodes have been compared; first 0, when the values are there. */
  readonly onProgress?: (done: number, of: number) => void;
  /** Gets every tensor's values as they are compared, for pictures. */
  readonly onTensor?: (name: string, values: TensorValues) => void;
}

/** What was compared: null where the device fused the value away, or where no bound is known. */
export interface TensorValues {
  /** f64, by the reference. */
  readonly exact: NdArray;
  /** f32, on the device. */
  readonly device: NdArray | null;
  /** How far the device may be off, element by element. */
  readonly bound: NdArray | null;
}

/** One value of the graph, or one gradient, with its verdicts. */
export interface TensorCheck {
  /** "0.linear", "d 0.weight". */
  readonly name: string;
  /** Its dimensions. */
  readonly shape: Shape;
  /** A value of the forward pass, or a gradient. */
  readonly kind: "value" | "gradient";
  /** True for the gradient of a parameter. */
  readonly parameter: boolean;
  /** Device f32 against CPU f64 inside the propagated bound; null where the device fused the value away. */
  readonly device: Comparison | null;
  /** The same for the second device. */
  readonly beside: Comparison | null;
  /** Median over elements of bound / |exact|: above 0.01 the bound says little, and the norm must decide. */
  readonly looseness: number | null;
  /** CPU f64 against finite differences; null for values, and where `finiteWork` leaves it out. */
  readonly finite: FiniteDifferenceResult | null;
  /** False when the exact gradient is all zeros, or rounding only, as at a minimum: nothing was shown. */
  readonly conclusive: boolean;
  /** True where no verdict is against it. */
  readonly pass: boolean;
}

/** What was found, tensor by tensor. */
export interface GradientReport {
  /** True where all tensors pass and at least one gradient of a parameter shows something. */
  readonly pass: boolean;
  /** The device's description; null where there was none. */
  readonly backend: string | null;
  /** Of the batch: on the device, and in f64. */
  readonly loss: { readonly computed: number | null; readonly exact: number };
  /** First tensor, in the order of computation, that fails; null when all pass. */
  readonly firstDivergent: string | null;
  /** In the order of computation. */
  readonly tensors: readonly TensorCheck[];
}

/** Above this limit gradients are mostly rounding, and nothing is shown. */
const NOISE = 0.1;

/**
 * The three-way check on one batch of the user's own net: device f32 against f64 inside a proved bound, f64 against
 * finite differences, tensor by tensor. (The third witness, PyTorch's tables, is in the test suite.) Throws ChainruleError
 * where weights or rows do not fit the model, and "aborted" when the signal is given.
 */
export async function checkGradients(options: GradientCheckOptions): Promise<GradientReport> {
  const { weights, backend, signal } = options;
  throwIfAborted(signal);
  requireModel(options.model);
  const model = withLength(options.model, options.x);
  checkWeights(model, weights);
  const given = options.lengths && { lengths: options.lengths };
  const { x, y, lengths } = matchRows(model, { x: options.x, y: options.y, ...given }, "batch");
  const maxBufferSize = backend?.limits.maxBufferSize ?? 2 ** 32;
  const steps = options.precision === "f16" ? await import("../train/f16/half-steps.ts") : null;
  const shared = { seed: options.seed ?? 1, maxBufferSize, penalty: checkPenalty(options.penalty) };
  const common = { ...shared, ...(lengths && { lengths }) };
  const graphOf = (scale: number): Promise<GradientGraph> =>
    gradientGraph(model, weights, x, y, { ...common, halves: steps && { scale, steps } });
  const scale = steps ? await scaleFor(await graphOf(1)) : 1;
  const g = await graphOf(scale);
  const exact = new ReferenceExecutor(g.graph, "f64", true);
  await orAborted(exact.run(1), signal);
  const bounds = await orAborted(propagateBounds(g.graph, exact.values, backend?.kind ?? "webgpu"), signal);
  const nothing = new Map<Tensor, NdArray>();
  const onDevice = (b: Backend | null): Promise<Map<Tensor, NdArray>> =>
    b ? orAborted(runOnDevice(b, g), signal) : Promise.resolve(nothing);
  const computed = await onDevice(backend);
  const besides = await onDevice(options.beside ?? null);
  const probe = new LossProbe(g.graph, g.loss, exact.values);
  const limits = await normLimits(g, exact.values, computed, steps ? halfNorms(bounds) : F32_NORMS);
  const tensors: TensorCheck[] = [];
  const parameterGradients = new Set([...g.parameters.values()].map((p) => p.gradient));
  const pointOf = new Map([...g.gradients].map(([t, dt]) => [dt, t] as const));
  const samplesOf = planFinite(model, x.shape[0]!, pointOf.keys(), parameterGradients, options.finiteWork ?? null);
  const nodes = g.graph.nodes.filter((node) => !node.op.view);
  for (const [done, node] of nodes.entries()) {
    options.onProgress?.(done, nodes.length);
    // Finite differences take seconds in all: the page, or whoever holds the signal, has its turn between.
    await turn();
    throwIfAborted(signal);
    for (const t of node.outputs) {
      if (t.dtype !== "f32" && t.dtype !== "f16") continue;
      const point = pointOf.get(t);
      const unscaled = (a: NdArray): NdArray => (point ? divided(a, scale) : a);
      const value = unscaled(exact.values.get(t)!);
      const found = computed.get(t);
      const seen = found && unscaled(found);
      const carried = bounds.get(t);
      const bound = carried ? unscaled(carried) : null;
      const device = seen ? compare(seen, value, bound) : null;
      const beside = besides.get(t);
      const second = beside && unscaled(beside);
      options.onTensor?.(t.name, { exact: value, device: seen ?? null, bound });
      const samples = point ? samplesOf(t) : null;
      const finite =
        samples === null ? null : checkFiniteDifferences(probe, point!, exact.values.get(point!)!, value, samples);
      const limit = limits.get(t)!;
      const normFits = !device || !point || device.normRelative <= limit * Math.max(1, model.layers.length / 8);
      tensors.push({
        name: t.name,
        shape: t.shape,
        kind: point ? "gradient" : "value",
        parameter: parameterGradients.has(t),
        device,
        beside: second ? compare(second, value, bound) : null,
        looseness: device && bound ? looseness(bound, value) : null,
        finite,
        conclusive: !point || (limit < NOISE && value.data.some((v) => v !== 0)),
        pass: (device?.pass ?? true) && normFits && (finite?.pass ?? true),
      });
    }
  }
  const failed = tensors.find((t) => !t.pass);
  const shown = tensors.some((t) => t.parameter && t.conclusive);
  return {
    pass: !failed && shown,
    backend: backend?.description ?? null,
    loss: { computed: computed.get(g.loss)?.data[0] ?? null, exact: exact.values.get(g.loss)!.data[0]! },
    firstDivergent: failed?.name ?? null,
    tensors,
  };
}

/** The largest gradient, scaled, stays so far below the largest half; more than the first scale of a run is no use. */
const LARGEST_SCALED = 2 ** 12;
const MOST_SCALE = 2 ** 16;

/** A power of two by which gradients may be multiplied on their way, so that none is lost among the least halves. */
async function scaleFor(g: GradientGraph): Promise<number> {
  const exact = await idealValues(g.graph);
  let most = 0;
  for (const t of g.gradients.values()) {
    for (const v of exact.get(t)?.data ?? []) most = Math.max(most, Math.abs(v));
  }
  return most > 0 ? Math.min(MOST_SCALE, 2 ** Math.floor(Math.log2(LARGEST_SCALED / most))) : 1;
}

/** By a power of two, exactly; the array itself where that is 1. */
function divided(a: NdArray, scale: number): NdArray {
  return scale === 1 ? a : { ...a, data: (a.data as Float64Array).map((v) => v / scale) };
}

/** Every value that the device keeps when it runs the graph as it does in training, fused. */
async function runOnDevice(backend: Backend, g: GradientGraph): Promise<Map<Tensor, NdArray>> {
  const nodes = fuse(g.graph);
  const executor = await backend.compile(g.graph, { nodes, keepAll: true });
  try {
    const wanted = nodes.flatMap((node) => (node.op.view ? [] : [...node.outputs]));
    const values = await executor.run(1, wanted);
    return new Map(wanted.map((t, i) => [t, values[i]!]));
  } finally {
    executor.dispose();
  }
}

function looseness(bound: NdArray, value: NdArray): number {
  const ratios: number[] = [];
  for (let i = 0; i < value.data.length; i++) {
    if (value.data[i] !== 0) ratios.push(bound.data[i]! / Math.abs(value.data[i]!));
  }
  ratios.sort((a, b) => a - b);
  return ratios[ratios.length >> 1] ?? 0;
}
