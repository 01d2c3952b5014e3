import { totalMemory } from "../../backend/cache.ts";
import type { Backend, Executor, MemoryUse } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, zeros } from "../../core/ndarray.ts";
import { packGroup, unpackParameters, unpackWeights, weightVariables, weightWrites } from "../../nn/parameters.ts";
import { fuse } from "../../ops/fuse.ts";
import { startCursor } from "../../ops/step/record.ts";
import { matchData } from "../data/match-rows.ts";
import type { Rows } from "../data/row-source.ts";
import { fitsWhole, type RowSource, requireResident } from "../data/row-source.ts";
import type { RowStream } from "../data/stream.ts";
import { evalBatch } from "../evaluation/eval-batch.ts";
import type { AnyEvaluator } from "../evaluation/evaluate-source.ts";
import type { Evaluation } from "../evaluation/evaluation.ts";
import { halfSteps } from "../f16/load.ts";
import type { Passes } from "../passes/passes.ts";
import { type ResolvedOptions, resolveOptions, type TrainerOptions } from "./options.ts";
import { requireChoice, stateOf, stateTensors, stateWrites, type TrainerState } from "./state.ts";
import { RING_SLOTS, type TrainingGraph, trainingGraph } from "./training-graph.ts";

/** The graph of a run's steps, what lays out its rows where they stream, and what it takes from the code of f16. */
export async function planOf(options: ResolvedOptions): Promise<{
  readonly plan: TrainingGraph;
  readonly stream: RowStream | null;
  readonly steps: Awaited<ReturnType<typeof halfSteps>>;
}> {
  const { data, batch, accumulate, seed, maxDataBytes } = options;
  const stream =
    batch === "full" || fitsWhole(data, maxDataBytes)
      ? null
      : (await import("../data/stream.ts")).streamOf(data, accumulate * batch, seed, maxDataBytes);
  const { x, y, text, lengths } = stream?.empty() ?? requireResident(data);
  const steps = await halfSteps(options.halves);
  steps?.checkLossScale(options.halves!.lossScale);
  const plan = await trainingGraph({
    ...options,
    steps,
    x,
    y,
    ...(text && { text }),
    ...(lengths && { lengths }),
    rows: data.x.shape[0]!,
    streams: stream !== null,
  });
  return { plan, stream, steps };
}

/** The nodes that run, fused, and in less memory where that is asked for. */
export async function nodesOf(plan: TrainingGraph, { recompute }: Pick<ResolvedOptions, "recompute">) {
  const nodes = fuse(plan.graph);
  return recompute ? (await import("../memory/recomputed.ts")).recomputed(nodes, plan) : nodes;
}

/** A run as it lies on one backend: all that is made anew when a device is lost, and nothing else. */
export class BackendRun {
  /** First step of the chunk of rows that is on the device, where rows stream. */
  private laid = -1;
  private asked: Promise<Passes> | null = null;
  private made: Passes | null = null;
  private disposed = false;
  private readonly evaluators = new Map<"train" | "test" | Rows | RowSource, AnyEvaluator>();

  private constructor(
    readonly backend: Backend,
    readonly options: ResolvedOptions,
    readonly plan: TrainingGraph,
    readonly executor: Executor,
    private readonly stream: RowStream | null,
  ) {}

  /** Passes outside the run, on rows of the caller's. Their code is loaded with the first. */
  passes(): Promise<Passes> {
    this.asked ??= import("../passes/passes.ts").then(({ Passes }) => {
      this.made = new Passes(this.backend, this.options, (which) => this.parameters(which));
      if (this.disposed) this.made.dispose();
      return this.made;
    });
    return this.asked;
  }

  static async create(backend: Backend, given: TrainerOptions): Promise<BackendRun> {
    const options = await resolveOptions(given, backend);
    const { plan, stream, steps } = await planOf(options);
    try {
      await steps?.requireParity(backend, options, steps);
      const executor = await backend.compile(plan.graph, { nodes: await nodesOf(plan, options), cursor: plan.cursor });
      return new BackendRun(backend, options, plan, executor, stream);
    } catch (error) {
      if (!(error instanceof ChainruleError && error.code === "limit")) throw error;
      const { withLargestBatch } = await import("../memory/largest-batch.ts");
      throw await withLargestBatch(backend, options, error, async (given) => {
        const { plan: wanted } = await planOf(given);
        return {
          plan: wanted,
          nodes: await nodesOf(wanted, given),
          state: stateTensors(wanted),
          evalBatch: evalBatch(given.model),
        };
      });
    }
  }

  /** How many of `wanted` steps may be queued from `step` on; lays the next chunk of rows when one begins. */
  feed(step: number, wanted: number): number | Promise<number> {
    return this.stream ? this.lay(this.stream, step, wanted) : wanted;
  }

  private async lay(stream: RowStream, step: number, wanted: number): Promise<number> {
    const at = step % stream.steps;
    if (this.laid !== step - at) {
      const chunk = await stream.chunk(step - at);
      this.executor.write(this.plan.dataX, chunk.x);
      this.executor.write(this.plan.dataY, chunk.y);
      if (chunk.lengths) this.executor.write(this.plan.dataLengths!, chunk.lengths);
      this.laid = step - at;
    }
    return Math.min(wanted, stream.steps - at);
  }

  /** Takes the steps from `from` to `to` without a word. */
  async replay(from: number, to: number): Promise<void> {
    for (let step = from; step < to; ) {
      const count = await this.feed(step, Math.min(to - step, RING_SLOTS));
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
    const { groups, states, averages, cursor, control } = this.plan;
    const { weights } = this.options;
    for (const [tensor, value] of weightWrites(this.plan, weights)) this.executor.write(tensor, value);
    for (const [i, average] of averages.entries()) this.executor.write(average, packGroup(groups[i]!, weights));
    for (const state of states) this.executor.write(state, zeros(state.shape, "f32"));
    this.executor.write(control, control.initial!);
    this.executor.write(cursor, startCursor());
  }

  async parameters(which: "last" | "average" = "last"): Promise<Map<string, NdArray>> {
    const { groups, averages } = this.plan;
    requireChoice(which, averages.length > 0);
    const read = await this.executor.run(0, [...weightVariables(this.plan), ...(which === "average" ? averages : [])]);
    const weights = unpackWeights(this.plan, read);
    if (which === "average") {
      for (const [name, value] of unpackParameters(groups, read.slice(-averages.length))) weights.set(name, value);
    }
    return weights;
  }

  async evaluate(on: "train" | "test" | Rows | RowSource, which?: "last" | "average"): Promise<Evaluation | null> {
    const { data, test, model } = this.options;
    const rows = on === "train" ? data : on === "test" ? test : matchData(model, on, "evaluation data");
    if (!rows) return null;
    const weights = await this.parameters(which);
    let evaluator = this.evaluators.get(on);
    if (!evaluator) {
      const { evaluatorOf } = await import("../evaluation/evaluate-source.ts");
      evaluator = await evaluatorOf(this.backend, model, weights, rows, this.options);
      this.evaluators.set(on, evaluator);
    }
    return evaluator.evaluate(weights);
  }

  memory(): MemoryUse {
    return totalMemory([this.executor, this.made, ...this.evaluators.values()]);
  }

  dispose(): void {
    this.disposed = true;
    this.made?.dispose();
    for (const evaluator of this.evaluators.values()) evaluator.dispose();
    this.executor.dispose();
  }
}
