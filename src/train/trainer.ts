import type { Backend, Executor } from "../backend/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import { packGroup, unpackParameters } from "../nn/parameters.ts";
import { fuse } from "../ops/fuse.ts";
import { startCursor } from "../ops/record.ts";
import { type Evaluation, Evaluator } from "./evaluation.ts";
import { matchRows, type ResolvedOptions, type Rows, resolveOptions, type TrainerOptions } from "./options.ts";
import { stateOf, stateTensors, stateWrites, type TrainerState } from "./state.ts";
import { RowStream } from "./stream.ts";
import { RING_SLOTS, type TrainingGraph, trainingGraph } from "./training-graph.ts";

/** What one training step reported. */
export interface StepMetrics {
  /** Counted from 1. */
  readonly step: number;
  /** Loss of the batch before this step's update. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** True when loss or a gradient was not finite: the update did not happen. */
  readonly skipped: boolean;
}

export interface RunOptions {
  /** Steps to take. */
  readonly steps: number;
  /** Report every so many steps (and the last); 1 by default. */
  readonly logEvery?: number;
  /** Stops after the steps that are already queued; the trainer stays usable. */
  readonly signal?: AbortSignal;
  /** "stop" (default) throws at the first step that is not finite; "skip" goes on. */
  readonly onNotFinite?: "stop" | "skip";
}

/** The weights as the last step left them, or their moving average. */
export type WeightsChoice = "last" | "average";

/** Time between two readings of the loss ring: often enough for a live curve. */
const READ_MS = 80;
/** Readings on their way while the next steps are queued already. */
const READS_IN_FLIGHT = 2;

/** Trains one model on one data set with one backend. Made by createTrainer. */
export class Trainer {
  private done = 0;
  private chunkSteps = 4;
  /** First step of the chunk of rows that is on the device, where rows stream. */
  private laid = -1;
  private readonly evaluators = new Map<"train" | "test" | Rows, Evaluator>();

  private constructor(
    readonly backend: Backend,
    readonly options: ResolvedOptions,
    private readonly plan: TrainingGraph,
    private readonly executor: Executor,
    private readonly stream: RowStream | null,
  ) {}

  static async create(backend: Backend, given: TrainerOptions): Promise<Trainer> {
    const options = resolveOptions(given, backend);
    const { data, batch, seed, maxDataBytes, accumulate } = options;
    const bytes = Math.max(data.x.data.byteLength, data.y.data.byteLength);
    const stream =
      batch !== "full" && bytes > maxDataBytes
        ? new RowStream(data.x, data.y, accumulate * batch, seed, maxDataBytes)
        : null;
    const resident = stream?.empty() ?? data;
    const plan = trainingGraph({
      ...options,
      x: resident.x,
      y: resident.y,
      rows: data.x.shape[0]!,
      streams: stream !== null,
    });
    const executor = await backend.compile(plan.graph, { nodes: fuse(plan.graph) });
    return new Trainer(backend, options, plan, executor, stream);
  }

  /** Steps taken so far. */
  get step(): number {
    return this.done;
  }

  /** How steps run: "13 dispatches a step", "one kernel on the chip, 1 invocation". */
  get execution(): string {
    return this.executor.description;
  }

  /** Rows of one step. */
  get batchRows(): number {
    const { batch, accumulate, data } = this.options;
    return batch === "full" ? data.x.shape[0]! : accumulate * batch;
  }

  /** Steps of one pass over the data, rounded up. */
  get stepsPerEpoch(): number {
    return Math.ceil(this.options.data.x.shape[0]! / this.batchRows);
  }

  /** Takes steps and yields their metrics; the device is always a reading ahead, never waited for. */
  async *run({ steps, logEvery = 1, signal, onNotFinite = "stop" }: RunOptions): AsyncGenerator<StepMetrics> {
    const end = this.done + steps;
    let queued = this.done;
    const pending: { from: number; to: number; ring: Promise<readonly NdArray[]>; start: number }[] = [];
    while (queued < end || pending.length > 0) {
      if (queued < end && pending.length < READS_IN_FLIGHT && !signal?.aborted) {
        const count = this.feed(queued, Math.min(end - queued, this.chunkSteps, RING_SLOTS));
        const ring = this.executor.run(count, [this.plan.ring]);
        ring.catch(() => undefined);
        pending.push({ from: queued, to: queued + count, ring, start: performance.now() });
        queued += count;
        continue;
      }
      const reading = pending.shift();
      if (!reading) return;
      const [ring] = await reading.ring;
      this.done = reading.to;
      this.adapt(reading.to - reading.from, performance.now() - reading.start);
      for (let s = reading.from; s < reading.to; s++) {
        const metrics = metricsOf(ring!, s);
        if (metrics.skipped && onNotFinite === "stop") throw notFinite(metrics);
        if ((s + 1) % logEvery === 0 || s + 1 === end || metrics.skipped) yield metrics;
      }
    }
  }

  /** Loss and accuracy on the training, the test or other rows, without dropout; null where there are no test rows. */
  async evaluate(on: "train" | "test" | Rows = "test", which: WeightsChoice = "last"): Promise<Evaluation | null> {
    const { model, maxBufferSize, data, test } = this.options;
    const rows = on === "train" ? data : on === "test" ? test : matchRows(model, on, "evaluation data");
    if (!rows) return null;
    const weights = await this.parameters(which);
    let evaluator = this.evaluators.get(on);
    if (!evaluator) {
      evaluator = await Evaluator.create(this.backend, model, weights, rows.x, rows.y, maxBufferSize);
      this.evaluators.set(on, evaluator);
    }
    return evaluator.evaluate(weights);
  }

  /** Copies of all parameters by name, or of their moving averages; weights are [in, out]. */
  async parameters(which: WeightsChoice = "last"): Promise<Map<string, NdArray>> {
    const { groups, averages } = this.plan;
    if (which === "average" && averages.length === 0) {
      throw new ChainruleError("usage", "this trainer keeps no moving average of its weights: give it ema: { decay }");
    }
    const flats = await this.executor.run(0, which === "average" ? averages : groups.map((group) => group.flat));
    return unpackParameters(groups, flats);
  }

  /**
   * Everything that the next step depends on, copied. Asked for between the metrics of a run, it is the state after the
   * steps that were queued already; its `step` says how many those are.
   */
  async state(): Promise<TrainerState> {
    return stateOf(this.plan, await this.executor.run(0, stateTensors(this.plan)));
  }

  /** Goes on from a state of a trainer with the same options. Throws, and changes nothing, where it does not fit. */
  restore(state: TrainerState): void {
    for (const [tensor, value] of stateWrites(this.plan, state)) this.executor.write(tensor, value);
    this.done = state.step;
  }

  /** Back to the first step and the first weights: the same run again. */
  reset(): void {
    const { groups, states, averages, cursor, control } = this.plan;
    groups.forEach((group, i) => {
      const first = packGroup(group, this.options.weights);
      this.executor.write(group.flat, first);
      if (averages[i]) this.executor.write(averages[i], first);
    });
    for (const state of states) this.executor.write(state, zeros(state.shape, "f32"));
    this.executor.write(control, zeros(control.shape, "f32"));
    this.executor.write(cursor, startCursor());
    this.done = 0;
  }

  /** Bytes on the device: constant from the first step on. */
  memory(): { liveBytes: number; buffers: number } {
    return this.executor.memory();
  }

  dispose(): void {
    for (const evaluator of this.evaluators.values()) evaluator.dispose();
    this.executor.dispose();
  }

  /** How many of `wanted` steps may be queued from `step` on; lays the next chunk when one begins. */
  private feed(step: number, wanted: number): number {
    if (!this.stream) return wanted;
    const at = step % this.stream.steps;
    if (this.laid !== step - at) {
      this.laid = step - at;
      const chunk = this.stream.chunk(this.laid);
      this.executor.write(this.plan.dataX, chunk.x);
      this.executor.write(this.plan.dataY, chunk.y);
    }
    return Math.min(wanted, this.stream.steps - at);
  }

  private adapt(steps: number, ms: number): void {
    const perStep = Math.max(ms / READS_IN_FLIGHT, 0.01) / steps;
    const wanted = Math.max(1, Math.round(READ_MS / perStep));
    this.chunkSteps = Math.max(1, Math.min(wanted, this.chunkSteps * 4, RING_SLOTS));
  }
}

function metricsOf(ring: NdArray, s: number): StepMetrics {
  const at = (s % RING_SLOTS) * 4;
  const [loss, gradientNorm, learningRate, gate] = ring.data.subarray(at, at + 4) as unknown as readonly number[];
  return { step: s + 1, loss: loss!, gradientNorm: gradientNorm!, learningRate: learningRate!, skipped: gate === 0 };
}

function notFinite({ step, loss }: StepMetrics): ChainruleError {
  const what = Number.isFinite(loss) ? "a gradient is not finite" : `the loss is ${loss}`;
  return new ChainruleError(
    "not-finite",
    `step ${step}: ${what}. The update was left out, the weights are finite; lower the learning rate, clip the gradient, or look at the data`,
  );
}

/** Checks everything, then makes a trainer ready to run. */
export function createTrainer(backend: Backend, options: TrainerOptions): Promise<Trainer> {
  return Trainer.create(backend, options);
}
