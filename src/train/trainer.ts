/**
 * What people call: one class, long by its docstrings. What it does is elsewhere: the run on a backend in run/backend-run.ts,
 * losses of a device in recovery/device-recovery.ts, passes in passes/passes.ts.
 */

import type { Backend, MemoryUse } from "../backend/executor.ts";
import { type Abortable, aborted, orAborted, throwIfAborted } from "../core/abort.ts";
import { requireOneOf } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { Disposing } from "../core/resource.ts";
import { LEAST_SCALE } from "../ops/step/control.ts";
import type { RowSource, Rows } from "./data/row-source.ts";
import type { Evaluation } from "./evaluation/evaluation.ts";
import type { GradientOptions, Gradients, LengthsOptions, LossGradients } from "./passes/passes.ts";
import { DeviceRecovery } from "./recovery/device-recovery.ts";
import { checkRecovery, type RecoveryOptions } from "./recovery/recovery.ts";
import { BackendRun } from "./run/backend-run.ts";
import { metricsOf, proves, type StepMetrics, wordsOf } from "./run/metrics.ts";
import type { ResolvedOptions, TrainerOptions } from "./run/options.ts";
import { checkRun, type RunOptions } from "./run/run-options.ts";
import { type TrainerState, weightsOf } from "./run/state.ts";
import { RING_SLOTS } from "./run/training-graph.ts";

export type { RunOptions, StepMetrics };

/** The weights as the last step left them, or their moving average (`ema` in the options). */
export type WeightsChoice = "last" | "average";

export interface WeightsOptions extends Abortable {
  /** "last" by default. */
  readonly weights?: WeightsChoice;
}

/** Time between two readings of the loss ring: often enough for a live curve. */
const READ_MS = 80;
/** Readings on their way while the next steps are queued already. */
const READS_IN_FLIGHT = 2;

/** Trains one model on one data set with one backend, and goes on when its device is lost. Made by createTrainer. */
export class Trainer extends Disposing {
  private chunkSteps = 4;
  /** While a run is under way. */
  private running = false;
  /** Counts how often the trainer was put elsewhere: a run on its way has no more to tell then. */
  private moves = 0;
  private readonly endings: (() => void)[] = [];
  /** Waits for a place between two steps. */
  private between: (() => Promise<void>) | null = null;

  private constructor(private readonly life: DeviceRecovery) {
    super();
  }

  /** createTrainer() for a given backend. */
  static async create(backend: Backend, given: TrainerOptions, recovery: RecoveryOptions = {}): Promise<Trainer> {
    checkRecovery(recovery);
    return new Trainer(new DeviceRecovery(await BackendRun.create(backend, given), given, recovery));
  }

  /** Where it runs: after a loss perhaps elsewhere than at first. */
  get backend(): Backend {
    return this.life.run.backend;
  }

  /** What it was made with, defaults filled in. */
  get options(): ResolvedOptions {
    return this.life.run.options;
  }

  /** Steps taken so far. */
  get stepsTaken(): number {
    return this.life.done;
  }

  /** How steps run: "13 dispatches a step", "one kernel on the chip, 1 invocation". */
  get execution(): string {
    return this.life.run.executor.description;
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

  /**
   * Takes steps and yields their metrics; the device is always a reading ahead, never waited for. A lost device is asked
   * for anew and the steps since the last copy are taken again: what is yielded is what an undisturbed run yields.
   * Left by `break`, it has taken the steps that were queued by then: stepsTaken counts them, the next run begins there.
   * restore() and reset() in its midst end it. Throws ChainruleError("usage") for options that cannot be meant, and
   * where another run of this trainer is under way.
   */
  run(options: RunOptions): AsyncGenerator<StepMetrics> {
    checkRun(options);
    return this.runOnce(options);
  }

  private async *runOnce(options: RunOptions): AsyncGenerator<StepMetrics> {
    if (this.running) {
      // Two that move the same weights would each tell of the other's steps.
      throw new ChainruleError(
        "usage",
        "run: another run is under way: leave its loop, or give its signal and read to its end",
      );
    }
    this.running = true;
    try {
      const end = this.life.done + options.steps;
      const { moves } = this;
      for (;;) {
        await this.life.ready;
        const { between } = this;
        this.between = null;
        await between?.();
        if (this.moves !== moves) return;
        const { run: backendRun } = this.life;
        try {
          yield* this.steps(end, options);
          if (!this.between || this.life.done >= end || options.signal?.aborted) return;
        } catch (error) {
          await this.life.outlive(backendRun, error, options.signal);
        }
      }
    } finally {
      this.running = false;
    }
  }

  private async *steps(
    end: number,
    { logEvery = 1, signal, onNotFinite = "stop" }: RunOptions,
  ): AsyncGenerator<StepMetrics> {
    const { run: backendRun } = this.life;
    const { executor, plan } = backendRun;
    const { moves } = this;
    this.life.queued = this.life.done;
    const pending: { from: number; to: number; ring: Promise<readonly NdArray[]>; start: number }[] = [];
    while (this.life.queued < end || pending.length > 0) {
      if (this.life.queued < end && pending.length < READS_IN_FLIGHT && !signal?.aborted && !this.between) {
        const from = this.life.queued;
        // The first loss as soon as there is one: what further steps need may still have to be compiled.
        const most = from === 0 ? 1 : this.chunkSteps;
        const fed = backendRun.feed(from, Math.min(end - from, most, RING_SLOTS));
        const count = typeof fed === "number" ? fed : await fed;
        if (this.moves !== moves) return;
        const ring = executor.run(count, [plan.ring]);
        ring.catch(() => undefined);
        pending.push({ from, to: from + count, ring, start: performance.now() });
        this.life.queued = from + count;
        if (this.life.snapshots.due && this.backend.kind === "webgpu") {
          this.life.snapshots.take(backendRun.state(), () => this.life.run === backendRun);
        }
        continue;
      }
      const reading = pending.shift();
      if (!reading) return;
      const [ring] = await reading.ring;
      if (this.moves !== moves) return;
      // Before any is told of: a slot that its step did not write says what nobody computed.
      const words = wordsOf(ring);
      for (let s = reading.from; s < reading.to; s++) {
        if (proves(words, s)) continue;
        throw (await import("./recovery/unproved-reading.ts")).unproved(backendRun, ring, reading.from, reading.to);
      }
      this.life.done = reading.to;
      this.life.losses = 0;
      this.adapt(reading.to - reading.from, performance.now() - reading.start);
      for (let s = reading.from; s < reading.to; s++) {
        const metrics = metricsOf(ring!, s);
        if (metrics.skipped && onNotFinite === "stop" && !this.findsScale(metrics)) {
          this.life.done = this.life.queued;
          throw await this.notFinite(metrics);
        }
        if ((s + 1) % logEvery !== 0 && s + 1 !== end && !metrics.skipped) continue;
        let left = true;
        try {
          yield metrics;
          left = this.moves !== moves;
        } finally {
          // The steps that are queued are taken all the same; their readings' memory comes back before anything else runs.
          if (left) {
            this.life.done = this.life.queued;
            await Promise.allSettled(pending.map((p) => p.ring));
          }
        }
        if (left) return;
      }
    }
  }

  /** A step left out because the scale of its gradients was too large for halves: the next one has a smaller. */
  private findsScale({ loss, lossScale }: StepMetrics): boolean {
    return this.options.halves?.lossScale === "dynamic" && Number.isFinite(loss) && lossScale > LEAST_SCALE;
  }

  /** The error of a step that is not finite: says where that began, as far as can be found out. */
  private async notFinite({ step, loss }: StepMetrics): Promise<ChainruleError> {
    const { run: backendRun } = this.life;
    const what = Number.isFinite(loss) ? "a gradient is not finite" : `the loss is ${loss}`;
    const where = await import("./recovery/find-not-finite.ts")
      .then(async ({ whereItBegan }) =>
        whereItBegan(backendRun.backend, backendRun.options, await backendRun.state(), step),
      )
      .catch(() => "");
    return new ChainruleError(
      "not-finite",
      `step ${step}: ${what}${where}. The update was left out, the weights are finite; lower the learning rate, clip the gradient, or look at the data`,
    );
  }

  /** Takes one step and tells of it: run() for one, which many in a row are slower than. */
  async step(options: Omit<RunOptions, "steps"> = {}): Promise<StepMetrics> {
    throwIfAborted(options.signal);
    for await (const metrics of this.run({ ...options, steps: 1 })) return metrics;
    throw aborted(options.signal);
  }

  /** Loss and accuracy on the training, the test or other rows, without dropout; null where there are no test rows. */
  async evaluate(
    on: "train" | "test" | Rows | RowSource = "test",
    { signal, weights }: WeightsOptions = {},
  ): Promise<Evaluation | null> {
    if (typeof on !== "object") requireOneOf("evaluate", on, ["train", "test"]);
    throwIfAborted(signal);
    return orAborted(
      this.life.surviving((backendRun) => backendRun.evaluate(on, weights)),
      signal,
    );
  }

  /**
   * Outputs [n, outputs] for any number of rows x [n, inputs], without dropout: what the last layer gives (for
   * crossEntropy and bce, logits). Takes them in batches, so memory does not grow with n.
   */
  predict(x: NdArray, options?: WeightsOptions & LengthsOptions): Promise<NdArray> {
    return this.life.surviving(async (backendRun) => (await backendRun.passes()).predict(x, options));
  }

  /** One forward pass over all rows of x [n, inputs] at once, without dropout: outputs [n, outputs]. */
  forward(x: NdArray, options?: Abortable & LengthsOptions): Promise<NdArray> {
    return this.life.surviving(async (backendRun) => (await backendRun.passes()).forward(x, options));
  }

  /**
   * Loss and gradients of one batch, x [n, inputs] and y as the loss takes it, with the masks that dropout draws in the
   * next step. Changes nothing: a step on the same rows would go by these gradients.
   */
  gradients(x: NdArray, y: NdArray, options?: GradientOptions): Promise<LossGradients> {
    return this.life.surviving(async (backendRun) =>
      (await backendRun.passes()).gradients(x, y, this.life.done, options),
    );
  }

  /**
   * The chain rule from the outputs back, for a loss of the caller's own: from its gradient dy [n, outputs] with respect
   * to the outputs for x [n, inputs] to its gradients by parameter, and by x. Dropout as in gradients().
   */
  backward(x: NdArray, dy: NdArray, options?: GradientOptions): Promise<Gradients> {
    return this.life.surviving(async (backendRun) =>
      (await backendRun.passes()).backward(x, dy, this.life.done, options),
    );
  }

  /**
   * Copies of all parameters by name, or of their moving averages; weights are [in, out]. Once the device was given up,
   * those of the last copy.
   */
  async parameters(which: WeightsChoice = "last"): Promise<Map<string, NdArray>> {
    if (this.life.over) return new Map([...this.options.weights, ...weightsOf(await this.state(), which)]);
    return this.life.surviving((backendRun) => backendRun.parameters(which));
  }

  /**
   * Another trainer of the same run, on another backend, takes its place before the next step, where `wins` says so then;
   * else it goes. Resolves when that is decided, or this trainer has ended.
   * @internal
   */
  offer(other: Trainer, wins: () => Promise<boolean>): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        other.dispose();
        resolve();
      };
      if (this.life.disposed) return end();
      this.onDispose(end);
      this.between = async () => {
        if (await wins().catch(() => false)) await this.life.moveTo(other.life.run);
        else other.dispose();
        resolve();
      };
    });
  }

  /**
   * Everything that the next step depends on, copied. Asked for between the metrics of a run, it is the state after the
   * steps that were queued already; its `step` says how many those are. Once the device was given up, the last copy.
   */
  async state(): Promise<TrainerState> {
    const last = this.life.over ? this.life.snapshots.latest(this.life.done) : null;
    if (last) return last;
    if (this.life.over) throw new ChainruleError("lost", "the device was lost before the run was copied");
    return this.life.surviving((backendRun) => backendRun.state());
  }

  /** Goes on from a state of a trainer with the same options. Throws, and changes nothing, where it does not fit. */
  restore(state: TrainerState): void {
    this.life.run.restore(state);
    this.moves++;
    this.life.done = this.life.queued = state.step;
    this.life.snapshots.restart(state);
  }

  /** Back to the first step and the first weights: the same run again. */
  reset(): void {
    this.life.run.reset();
    this.moves++;
    this.life.done = this.life.queued = 0;
    this.life.snapshots.restart(null);
  }

  /** Memory on the device: constant from the first step on, but for what evaluate(), predict() and the passes add. */
  memory(): MemoryUse {
    return this.life.run.memory();
  }

  /** Runs `work` once, when the trainer is disposed of: for what it alone uses, such as its backend. */
  onDispose(work: () => void): void {
    this.endings.push(work);
  }

  /** Gives back everything on the device; a run on its way ends with ChainruleError "disposed". */
  dispose(): void {
    this.life.dispose();
    for (const end of this.endings.splice(0)) end();
  }

  private adapt(steps: number, ms: number): void {
    const perStep = Math.max(ms / READS_IN_FLIGHT, 0.01) / steps;
    const wanted = Math.max(1, Math.round(READ_MS / perStep));
    this.chunkSteps = Math.max(1, Math.min(wanted, this.chunkSteps * 4, RING_SLOTS));
  }
}

/** A trainer on the backend, ready to run: createTrainer() where it is known which. */
export function trainerOn(
  backend: Backend,
  options: TrainerOptions & Abortable,
  recovery?: RecoveryOptions,
): Promise<Trainer> {
  const { signal } = options;
  throwIfAborted(signal);
  return orAborted(Trainer.create(backend, options, recovery), signal, (late) => late.dispose());
}
