import { type NdArray, ndarray, sizeOf, zeros } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import type { ParameterGroup } from "../../nn/parameters.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { alignView, pack } from "../../ops/shared/views.ts";
import { batchIndex, gather } from "../../ops/step/batch.ts";
import { CONTROL_SIZE, control, controlAndRecord } from "../../ops/step/control.ts";
import { gradientStats } from "../../ops/step/gradient-stats.ts";
import { RATE_BLOCK } from "../../ops/step/optimizer-op.ts";
import { record, startCursor } from "../../ops/step/record.ts";
import type { Multipliers } from "../../optim/groups.ts";
import { type AverageSpec, addAverage, addUpdate, type OptimizerSpec, optimizerAttrs } from "../../optim/optimizer.ts";
import type { PenaltySpec } from "../../optim/penalty.ts";
import { type ScheduleSpec, scheduleAttrs } from "../../optim/schedule.ts";
import type { HalfSteps, Halves } from "../f16/precision.ts";
import type { AugmentSpec } from "./augment.ts";
import { type Batch, type ForwardBackward, forwardBackward } from "./gradient-graph.ts";

/** Steps whose loss the device remembers before the host must have read them. */
export const RING_SLOTS = 4096;

export interface TrainingConfig {
  readonly model: ModelSpec;
  readonly weights: ReadonlyMap<string, NdArray>;
  /** Rows on the device: the data set, or room for a chunk of it. x [rows, inputs], y [rows, ...]. */
  readonly x: NdArray;
  readonly y: NdArray;
  /** i32 [tokens]: what rows are windows of; absent where they are no text, and where they are laid out by the host. */
  readonly text?: NdArray;
  /** i32 [rows]: steps of each row that count; absent: all. */
  readonly lengths?: NdArray;
  /** Rows of the whole data set; more than x holds when it streams. */
  readonly rows: number;
  /** Rows of a step, or "full": all rows, in their own order. */
  readonly batch: number | "full";
  readonly streams: boolean;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  readonly ema?: AverageSpec | null;
  readonly penalty?: PenaltySpec | null;
  /** Factors of learning rate and weight decay by parameter; null or absent: all 1. */
  readonly multipliers?: ReadonlyMap<string, Multipliers> | null;
  /** Batches that a step goes through before it changes the weights; 1 where absent. */
  readonly accumulate?: number;
  /** How images are changed; absent where they are not. */
  readonly augment?: AugmentSpec;
  readonly seed: number;
  readonly maxBufferSize: number;
  /** Products read halves; absent or null: f32 throughout. `steps` is what halfSteps gives for them. */
  readonly halves?: Halves | null;
  readonly steps?: HalfSteps | null;
}

/** A whole training step as a graph, with the values that the trainer reads and writes. */
export interface TrainingGraph extends ForwardBackward {
  readonly graph: Graph;
  readonly dataX: Tensor;
  readonly dataY: Tensor;
  /** Null where all steps count. */
  readonly dataLengths: Tensor | null;
  /** u32 [4]: step, epoch, position, skipped steps. */
  readonly cursor: Tensor;
  /** f32 [RING_SLOTS, 4]: loss, gradient norm, learning rate, sealed gate (see shaders/step/step.ts) of step s at slot s mod RING_SLOTS. */
  readonly ring: Tensor;
  readonly control: Tensor;
  readonly states: readonly Tensor[];
  /** The moving average of each group's parameters; empty where none is kept. */
  readonly averages: readonly Tensor[];
  /** Rows of the (last) batch, for comparing what executors draw; null for full batches. */
  readonly index: Tensor | null;
}

/**
 * Batch, forward, loss, backward, update, in that order. Read this to know what a step is.
 */
export async function trainingGraph(config: TrainingConfig): Promise<TrainingGraph> {
  const { model, seed, rows } = config;
  const g = new Graph();
  const text = config.batch === "full" || config.streams ? undefined : config.text;
  const dataX = text ? g.variable("text", text) : g.variable("data x", config.x);
  const dataY = text ? dataX : g.variable("data y", config.y);
  const dataLengths = config.lengths ? g.variable("data lengths", config.lengths) : null;
  const cursor = g.variable("cursor", startCursor());
  const ring = g.variable("loss ring", zeros([RING_SLOTS, 4], "f32"));
  const { halves = null, steps = null } = config;
  if (halves && !steps) throw new TypeError("f16 without its code");
  const numbers = g.variable("control", steps?.firstControl(halves!.lossScale) ?? zeros([CONTROL_SIZE], "f32"));

  let index: Tensor | null = null;
  const parts = config.accumulate ?? 1;
  const lazy = parts > 1 || config.augment || text ? await import("../../ops/lazy.ts") : null;
  const batch = config.batch === "full" ? rows : config.batch;
  const changes =
    config.augment && (await import("./augment.ts")).augmentAttrs(config.augment, shapesOf(model).input, seed);
  const windows = text && (await import("./text-windows.ts")).windowsOf(g, lazy!, dataX, shapesOf(model), rows, seed);
  const draw = (part: number) => (): Batch => {
    const full = config.batch === "full";
    if (full && !changes) return { x: dataX, y: dataY, lengths: dataLengths, cursor };
    const at = parts > 1 ? g.one(lazy!.partCursor, [cursor], { part, parts, batch }, `cursor of part ${part}`) : cursor;
    const order = full ? "sequential" : config.streams ? "chunk" : "shuffle";
    index = g.one(batchIndex, [at], { order, batch, n: config.x.shape[0]!, seed }, "batch index");
    if (windows) return windows(index, at);
    const x = changes
      ? g.one(lazy!.augment, [dataX, index, at], changes, "batch x, augmented")
      : g.one(gather, [dataX, index], null, "batch x");
    const batchOf = (all: Tensor, name: string) => (full ? all : g.one(gather, [all, index!], null, name));
    const y = batchOf(dataY, "batch y");
    return { x, y, lengths: dataLengths && batchOf(dataLengths, "batch lengths"), cursor: at };
  };
  const batches = Array.from({ length: parts }, (_, part) => draw(part));
  const { maxBufferSize, penalty = null } = config;
  const scaled = steps && { control: numbers, steps };
  const body = await forwardBackward(g, model, config.weights, batches, { seed, maxBufferSize, penalty, scaled });

  const stats = body.flatGradients.map((d) => g.one(gradientStats, [d], null, `statistics of ${d.name}`));
  const { beta1, beta2 } = optimizerAttrs(config.optimizer);
  const attrs = { ...scheduleAttrs(config.schedule, config.optimizer.lr), maxNorm: config.clip, beta1, beta2 };
  const recordAttrs = { slots: RING_SLOTS, batch: parts * batch, n: rows };
  const given = [numbers, cursor, body.loss, together(g, stats)];
  const now = steps
    ? steps.scaledNumbers(g, controlAndRecord, [...given, ring], { ...attrs, ...recordAttrs }, halves!)
    : g.one(control, given, attrs, "control");
  const updates = body.groups.map((group, i) =>
    addUpdate(g, config.optimizer, group.flat, body.flatGradients[i]!, now, ratesOf(group, config.multipliers ?? null)),
  );
  const states = updates.flatMap((update) => update.states);
  const { ema } = config;
  const averages: Tensor[] = [];
  for (const [i, { flat }] of ema ? body.groups.entries() : [])
    averages.push(await addAverage(g, ema!, flat, updates[i]!.updated, now));
  if (!steps) g.add(record, [cursor, ring, body.loss, now], recordAttrs, "record");
  g.prune();
  return { graph: g, dataX, dataY, dataLengths, cursor, ring, control: numbers, states, averages, index, ...body };
}

/** rates [blocks, 2] of a group's flat array: every parameter has blocks of its own. */
function ratesOf(group: ParameterGroup, multipliers: ReadonlyMap<string, Multipliers> | null): NdArray | null {
  if (!multipliers) return null;
  const rates = zeros([sizeOf(group.flat.shape) / RATE_BLOCK, 2], "f32");
  for (const { spec, offset } of group.parameters) {
    const { lr, weightDecay } = multipliers.get(spec.name)!;
    const end = offset + alignView(sizeOf(spec.shape));
    for (let block = offset / RATE_BLOCK; block < end / RATE_BLOCK; block++)
      rates.data.set([lr, weightDecay], 2 * block);
  }
  return rates;
}

/** Statistics of several groups side by side; padding is zeros, which add nothing. */
function together(g: Graph, stats: readonly Tensor[]): Tensor {
  if (stats.length === 1) return stats[0]!;
  let size = 0;
  const offsets = stats.map((s) => {
    const at = size;
    size += alignView(s.shape[0]! * 2);
    return at;
  });
  return g.one(pack, stats, { offsets, size }, "statistics");
}

/** A cursor at a given step, for rewinding and resuming. */
export function cursorAt(step: number, batch: number, rows: number): NdArray {
  const position = step * batch;
  return ndarray([4], "u32", [step, Math.floor(position / rows), position % rows, 0]);
}
