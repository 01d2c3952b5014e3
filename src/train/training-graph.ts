import { type NdArray, ndarray, zeros } from "../core/ndarray.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import type { ModelSpec } from "../nn/model.ts";
import { batchIndex, gather } from "../ops/batch.ts";
import { control } from "../ops/control.ts";
import { gradientStats } from "../ops/gradient-stats.ts";
import { record, startCursor } from "../ops/record.ts";
import { alignView, pack } from "../ops/views.ts";
import { addUpdate, type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { type ScheduleSpec, scheduleAttrs } from "../optim/schedule.ts";
import { type ForwardBackward, forwardBackward } from "./gradient-graph.ts";
import { firstControl, type Halves, scalingAttrs } from "./precision.ts";

/** Steps whose loss the device remembers before the host must have read them. */
export const RING_SLOTS = 4096;

export interface TrainingConfig {
  readonly model: ModelSpec;
  readonly weights: ReadonlyMap<string, NdArray>;
  /** Rows on the device: the data set, or room for a chunk of it. x [rows, inputs], y [rows, ...]. */
  readonly x: NdArray;
  readonly y: NdArray;
  /** Rows of the whole data set; more than x holds when it streams. */
  readonly rows: number;
  /** Rows of a step, or "full": all rows, in their own order. */
  readonly batch: number | "full";
  readonly streams: boolean;
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  readonly seed: number;
  readonly maxBufferSize: number;
  /** Products read halves; absent or null: f32 throughout. */
  readonly halves?: Halves | null;
}

/** A whole training step as a graph, with the values that the trainer reads and writes. */
export interface TrainingGraph extends ForwardBackward {
  readonly graph: Graph;
  readonly dataX: Tensor;
  readonly dataY: Tensor;
  /** u32 [4]: step, epoch, position, skipped steps. */
  readonly cursor: Tensor;
  /** f32 [RING_SLOTS, 4]: loss, gradient norm, learning rate, gate (see shaders/step.ts) of step s at slot s mod RING_SLOTS. */
  readonly ring: Tensor;
  readonly control: Tensor;
  readonly states: readonly Tensor[];
  /** Rows of the batch, for comparing what executors draw; null for full batches. */
  readonly index: Tensor | null;
}

/**
 * Batch, forward, loss, backward, update, in that order. Read this to know what a step is.
 */
export function trainingGraph(config: TrainingConfig): TrainingGraph {
  const { model, seed, rows } = config;
  const g = new Graph();
  const dataX = g.variable("data x", config.x);
  const dataY = g.variable("data y", config.y);
  const cursor = g.variable("cursor", startCursor());
  const ring = g.variable("loss ring", zeros([RING_SLOTS, 4], "f32"));
  const { halves = null } = config;
  const numbers = g.variable("control", firstControl(halves?.lossScale ?? null));

  let x = dataX;
  let y = dataY;
  let index: Tensor | null = null;
  const batch = config.batch === "full" ? rows : config.batch;
  if (config.batch !== "full") {
    const order = config.streams ? "chunk" : "shuffle";
    index = g.one(batchIndex, [cursor], { order, batch, n: config.x.shape[0]!, seed }, "batch index");
    x = g.one(gather, [dataX, index], null, "batch x");
    y = g.one(gather, [dataY, index], null, "batch y");
  }

  const { maxBufferSize } = config;
  const scaledBy = halves && numbers;
  const body = forwardBackward(g, model, config.weights, x, y, { seed, cursor, maxBufferSize, scaledBy });

  const stats = body.flatGradients.map((d) => g.one(gradientStats, [d], null, `statistics of ${d.name}`));
  const { beta1, beta2 } = optimizerAttrs(config.optimizer);
  const attrs = {
    ...scheduleAttrs(config.schedule, config.optimizer.lr),
    maxNorm: config.clip,
    beta1,
    beta2,
    ...(halves && scalingAttrs(halves)),
  };
  const now = g.one(control, [numbers, cursor, body.loss, together(g, stats)], attrs, "control");
  const states = body.groups.flatMap((group, i) =>
    addUpdate(g, config.optimizer, group.flat, body.flatGradients[i]!, now),
  );
  g.add(
    record,
    [cursor, ring, body.loss, now],
    { slots: RING_SLOTS, batch, n: rows, ...(halves && { scaled: true }) },
    "record",
  );
  g.prune();
  return { graph: g, dataX, dataY, cursor, ring, control: numbers, states, index, ...body };
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
