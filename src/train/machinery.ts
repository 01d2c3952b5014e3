import type { Backend, Executor } from "../backend/executor.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import { packGroup, unpackParameters } from "../nn/parameters.ts";
import { fuse } from "../ops/fuse.ts";
import { startCursor } from "../ops/record.ts";
import { type Evaluation, Evaluator } from "./evaluation.ts";
import { type ResolvedOptions, resolveOptions, type TrainerOptions } from "./options.ts";
import { stateOf, stateTensors, stateWrites, type TrainerState } from "./state.ts";
import { RowStream } from "./stream.ts";
import { RING_SLOTS, type TrainingGraph, trainingGraph } from "./training-graph.ts";

/** A run as it lies on one backend: all that is made anew when a device is lost, and nothing else. */
export class Machinery {
  /** First step of the chunk of rows that is on the device, where rows stream. */
  private laid = -1;
  private readonly evaluators: { train: Evaluator | null; test: Evaluator | null } = { train: null, test: null };

  private constructor(
    readonly backend: Backend,
    readonly options: ResolvedOptions,
    readonly plan: TrainingGraph,
    readonly executor: Executor,
    private readonly stream: RowStream | null,
  ) {}

  static async create(backend: Backend, given: TrainerOptions): Promise<Machinery> {
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
    if (options.precision === "f16") {
      // Loaded only where it is needed: a page that trains in f32 does without.
      const { requireParity } = await import("./parity.ts");
      await requireParity(backend, options);
    }
    const executor = await backend.compile(plan.graph, { nodes: fuse(plan.graph) });
    return new Machinery(backend, options, plan, executor, stream);
  }

  /** How many of `wanted` steps may be queued from `step` on; lays the next chunk of rows when one begins. */
  feed(step: number, wanted: number): number {
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

  /** Takes the steps from `from` to `to` without a word. */
  async replay(from: number, to: number): Promise<void> {
    for (let step = from; step < to; ) {
      const count = this.feed(step, Math.min(to - step, RING_SLOTS));
      await this.executor.run(count);
      step += count;
    }
  }

  async state(): Promise<TrainerState> {
    return stateOf(this.plan, await this.executor.run(0, stateTensors(this.plan)));
  }

  restore(state: TrainerState): void {
    for (const [tensor, value] of stateWrites(this.plan, state)) this.executor.write(tensor, value);
  }

  /** To the first step and the first weights. */
  reset(): void {
    const { groups, states, cursor, control } = this.plan;
    for (const group of groups) this.executor.write(group.flat, packGroup(group, this.options.weights));
    for (const state of states) this.executor.write(state, zeros(state.shape, "f32"));
    this.executor.write(control, control.initial!);
    this.executor.write(cursor, startCursor());
  }

  async parameters(): Promise<Map<string, NdArray>> {
    const { groups } = this.plan;
    const flats = await this.executor.run(
      0,
      groups.map((group) => group.flat),
    );
    return unpackParameters(groups, flats);
  }

  async evaluate(on: "train" | "test"): Promise<Evaluation | null> {
    const { data, test, model, maxBufferSize } = this.options;
    const rows = on === "train" ? data : test;
    if (!rows) return null;
    const weights = await this.parameters();
    this.evaluators[on] ??= await Evaluator.create(this.backend, model, weights, rows.x, rows.y, maxBufferSize);
    return this.evaluators[on].evaluate(weights);
  }

  dispose(): void {
    this.evaluators.train?.dispose();
    this.evaluators.test?.dispose();
    this.executor.dispose();
  }
}
