import { totalMemory } from "../backend/cache.ts";
import type { Backend, Executor, MemoryUse } from "../backend/executor.ts";
import { type Abortable, orAborted, throwIfAborted } from "../core/abort.ts";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import { Disposing } from "../core/resource.ts";
import { packGroup, unpackParameters } from "../nn/parameters.ts";
import { fuse } from "../ops/fuse.ts";
import { startCursor } from "../ops/record.ts";
import { type Evaluation, Evaluator } from "./evaluation.ts";
import type { CreateOptions } from "./open.ts";
import { type ResolvedOptions, resolveOptions, type TrainerOptions } from "./options.ts";
import { type GradientOptions, type Gradients, type LossGradients, Passes } from "./passes.ts";
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

/** How many steps a run takes, and what it tells of them. */
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

/** Time between two readings of the loss ring: often enough for a live curve. */
const READ_MS = 80;
/** Readings on their way while the next steps are queued already. */
const READS_IN_FLIGHT = 2;

/** Trains one model on one data set with one backend. Made by createTrainer. */
export class Trainer extends Disposing {
  private done = 0;
  private chunkSteps = 4;
  /** First step of the chunk of rows that is on the device, where rows stream. */
  private laid = -1;
  private readonly passes: Passes;
  private readonly endings: (() => void)[] = [];

  private constructor(
    readonly backend: Backend,
    readonly options: ResolvedOptions,
    private readonly plan: TrainingGraph,
    private readonly executor: Executor,
    private readonly stream: RowStream | null,
    private readonly evaluators: { train: Evaluator | null; test: Evaluator | null } = { train: null, test: null },
  ) {
    super();
    this.passes = new Passes(
      backend,
      options,
      () => this.parameters(),
      () => this.done,
    );
  }

  /** createTrainer() for a given backend. */
  static async create(backend: Backend, given: TrainerOptions): Promise<Trainer> {
    const options = resolveOptions(given, backend);
    const { data, batch, seed, maxDataBytes } = options;
    const bytes = Math.max(data.x.data.byteLength, data.y.data.byteLength);
    const stream =
      batch !== "full" && bytes > maxDataBytes ? new RowStream(data.x, data.y, batch, seed, maxDataBytes) : null;
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
  get stepsTaken(): number {
    return this.done;
  }

  /** How steps run: "13 dispatches a step", "one kernel on the chip, 1 invocation". */
  get execution(): string {
    return this.executor.description;
  }

  /** Rows of one step. */
  get batchRows(): number {
    return this.options.batch === "full" ? this.options.data.x.shape[0]! : this.options.batch;
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

  /** Takes one step and tells of it: run() for one, which many in a row are slower than. */
  async step(options: Omit<RunOptions, "steps"> = {}): Promise<StepMetrics> {
    throwIfAborted(options.signal);
    for await (const metrics of this.run({ ...options, steps: 1 })) return metrics;
    throw new ChainruleError("aborted", "stopped: its signal was given");
  }

  /**
   * Outputs [n, outputs] for any number of rows x [n, inputs], without dropout: what the last layer gives (for
   * crossEntropy and bce, logits). Takes them in batches, so memory does not grow with n.
   */
  predict(x: NdArray, options?: Abortable): Promise<NdArray> {
    return this.passes.predict(x, options);
  }

  /** One forward pass over all rows of x [n, inputs] at once, without dropout: outputs [n, outputs]. */
  forward(x: NdArray, options?: Abortable): Promise<NdArray> {
    return this.passes.forward(x, options);
  }

  /**
   * Loss and gradients of one batch, x [n, inputs] and y as the loss takes it, with the masks that dropout draws in the
   * next step. Changes nothing: a step on the same rows would go by these gradients.
   */
  gradients(x: NdArray, y: NdArray, options?: GradientOptions): Promise<LossGradients> {
    return this.passes.gradients(x, y, options);
  }

  /**
   * The chain rule from the outputs back, for a loss of the caller's own: from its gradient dy [n, outputs] with respect
   * to the outputs for x [n, inputs] to its gradients by parameter, and by x. Dropout as in gradients().
   */
  backward(x: NdArray, dy: NdArray, options?: GradientOptions): Promise<Gradients> {
    return this.passes.backward(x, dy, options);
  }

  /** Loss and accuracy on the training or the test rows, without dropout; null where there are no test rows. */
  async evaluate(on: "train" | "test" = "test", { signal }: Abortable = {}): Promise<Evaluation | null> {
    throwIfAborted(signal);
    return orAborted(this.evaluation(on), signal);
  }

  private async evaluation(on: "train" | "test"): Promise<Evaluation | null> {
    const rows = on === "train" ? this.options.data : this.options.test;
    if (!rows) return null;
    const weights = await this.parameters();
    const { model, maxBufferSize } = this.options;
    this.evaluators[on] ??= await Evaluator.create(this.backend, model, weights, rows.x, rows.y, maxBufferSize);
    return this.evaluators[on].evaluate(weights);
  }

  /** Copies of all parameters by name; weights are [in, out]. */
  async parameters(): Promise<Map<string, NdArray>> {
    const { groups } = this.plan;
    const flats = await this.executor.run(
      0,
      groups.map((group) => group.flat),
    );
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
    const { groups, states, cursor, control } = this.plan;
    for (const group of groups) this.executor.write(group.flat, packGroup(group, this.options.weights));
    for (const state of states) this.executor.write(state, zeros(state.shape, "f32"));
    this.executor.write(control, zeros(control.shape, "f32"));
    this.executor.write(cursor, startCursor());
    this.done = 0;
  }

  /** Memory on the device: constant from the first step on, but for what evaluate(), predict() and the passes add. */
  memory(): MemoryUse {
    return totalMemory([this.executor, this.passes, this.evaluators.train, this.evaluators.test]);
  }

  /** Runs `work` once, when the trainer is disposed of: for what it alone uses, such as its backend. */
  onDispose(work: () => void): void {
    this.endings.push(work);
  }

  dispose(): void {
    this.passes.dispose();
    this.evaluators.train?.dispose();
    this.evaluators.test?.dispose();
    this.executor.dispose();
    for (const end of this.endings.splice(0)) end();
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

/**
 * Checks everything, then makes a trainer ready to run. With options alone it takes the fastest of what is there, found by
 * timing this run's own steps: WebGPU (`gpu`, by default navigator.gpu) and the CPU in WebAssembly. With a backend, that
 * one. Throws ChainruleError, before any work, for what cannot be trained.
 */
export function createTrainer(options: CreateOptions): Promise<Trainer>;
export function createTrainer(backend: Backend, options: TrainerOptions & Abortable): Promise<Trainer>;
export async function createTrainer(
  first: Backend | CreateOptions,
  second?: TrainerOptions & Abortable,
): Promise<Trainer> {
  if (second === undefined) {
    const { openTrainer } = await import("./open.ts");
    return openTrainer(first as CreateOptions);
  }
  const { signal } = second;
  throwIfAborted(signal);
  return orAborted(Trainer.create(first as Backend, second), signal, (late) => late.dispose());
}
