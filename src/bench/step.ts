import type { Backend } from "../backend/executor.ts";
import { ReferenceExecutor } from "../backend/reference/executor.ts";
import { orAborted, throwIfAborted } from "../core/abort.ts";
import { compare } from "../core/compare.ts";
import { HALF_U } from "../core/half.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import { normals, randomWord, STREAM } from "../core/philox.ts";
import { initialise } from "../nn/initialise.ts";
import { lossKinds } from "../nn/loss-kinds.ts";
import { parseModel } from "../nn/model.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { randomBatch } from "../nn/random-batch.ts";
import { multiplyAdds, shapesOf, widths } from "../nn/shapes.ts";
import { fuse } from "../ops/fuse.ts";
import { createTrainer } from "../train/create-trainer.ts";
import type { Precision } from "../train/f16/precision.ts";
import { gradientGraph } from "../train/run/gradient-graph.ts";
import type { Trainer } from "../train/trainer.ts";
import { measureInTurns, type Timing, type Work } from "./stats.ts";

export interface StepSize {
  readonly name: string;
  readonly model: ModelSpec;
  readonly batch: number;
}

/** A whole training step (batch, forward, backward, Adam), verified, then timed on each backend. */
export interface StepRow {
  readonly name: string;
  readonly parameters: number;
  readonly batch: number;
  readonly backend: string;
  readonly kind: Backend["kind"];
  /** How operands of products are stored. */
  readonly precision: Precision;
  readonly verified: boolean;
  /** From the options to the loss of the first step: recording, compiling, upload, one step. */
  readonly firstMs: number | null;
  readonly ms: Timing | null;
  readonly stepsPerSecond: number | null;
}

/** Rows of the batch on which gradients are verified, so that the f64 reference takes seconds at most. */
const VERIFY_WORK = 2e9;
/** Scale of the gradients that are verified in f16: both sides have it, so it only keeps them among the normal halves. */
const VERIFY_SCALE = 2 ** 10;
/** Multiply-adds of a step above which the CPU is left out where a GPU takes part: it would take minutes. */
const MAX_CPU_WORK = 3e9;
/** Relative error that a whole gradient may have in f32. */
const NORM_LIMIT = 1e-5;

/**
 * With halves an operand is off by up to u = 2^-11, and of a rectifier's units a share of some u are so close to zero that
 * they open or close: each moves the gradient by a whole element.
 */
function normLimit({ layers }: ModelSpec, precision: Precision): number {
  if (precision === "f32") return NORM_LIMIT;
  const rectifiers = layers.filter(({ type }) => type === "relu").length;
  return 8 * HALF_U + Math.sqrt(4 * HALF_U * rectifiers);
}

/** A classifier with the given widths and rectifiers between. */
export function mlp(name: string, sizes: readonly number[], batch: number): StepSize {
  const layers = sizes.slice(1).flatMap((out, i) => {
    const linear = { type: "linear", in: sizes[i]!, out, bias: true };
    return i < sizes.length - 2 ? [linear, { type: "relu" }] : [linear];
  });
  return { name, model: parseModel({ layers, loss: "crossEntropy" }), batch };
}

/** Nets from the tutorial's to `max` wide. */
export function stepSizes(max: number): readonly StepSize[] {
  const tutorial = Array.from({ length: 3 }, () => ({ type: "linear", in: 4, out: 4, bias: false }));
  const wide = [256, 512, 1024, 2048, 4096, 8192].filter((n) => n <= max);
  return [
    { name: "tutorial 4-4-4-4", model: parseModel({ layers: tutorial, loss: "sumSquaredError" }), batch: 1 },
    mlp("784-512-256-10", [784, 512, 256, 10], 64),
    ...wide.map((n) => mlp(`${n}x3`, [n, n, n, n], 128)),
  ];
}

export async function* benchSteps(options: {
  readonly backends: readonly Backend[];
  readonly sizes: readonly StepSize[];
  /** With f16 the GPU takes part twice, in f32 and in f16. */
  readonly precision?: Precision;
  readonly signal?: AbortSignal;
}): AsyncGenerator<StepRow> {
  const entries = entriesOf(options.backends, options.precision ?? "f32");
  for (const size of options.sizes) yield* benchStep(entries, size, options.signal);
}

interface Entry {
  readonly backend: Backend;
  readonly precision: Precision;
}

/** Who takes part: a CPU has nothing to win from halves, which it computes only to check. */
export function entriesOf(backends: readonly Backend[], precision: Precision): readonly Entry[] {
  return backends.flatMap((backend) => [
    { backend, precision: "f32" },
    ...(precision === "f16" && backend.kind === "webgpu" ? [{ backend, precision } as const] : []),
  ]);
}

/** Multiply-adds of a step: forward, and two products backward. */
export function workOf({ model, batch }: StepSize): number {
  return 3 * batch * multiplyAdds(model);
}

interface Contestant {
  readonly row: Omit<StepRow, "verified" | "firstMs" | "ms" | "stepsPerSecond">;
  readonly trainer: Trainer | null;
  readonly firstMs: number | null;
}

/** One size on every backend: all verified and warmed up, then timed in turns. */
async function* benchStep(
  entries: readonly Entry[],
  size: StepSize,
  signal: AbortSignal | undefined,
): AsyncGenerator<StepRow> {
  const contestants: Contestant[] = [];
  try {
    for (const { backend, precision } of entries) {
      throwIfAborted(signal);
      if (backend.kind === "cpu" && entries.length > 1 && workOf(size) > MAX_CPU_WORK) continue;
      contestants.push(await prepare(backend, size, precision, signal));
    }
    const ready = contestants.filter((c) => c.trainer !== null);
    const times = await measureInTurns(
      ready.map((c) => stepsOf(c.trainer!)),
      { samples: 5, sampleMs: 150, signal },
    );
    for (const c of contestants) {
      const ms = times[ready.indexOf(c)] ?? null;
      const { row, firstMs } = c;
      yield { ...row, verified: ms !== null, firstMs, ms, stepsPerSecond: ms ? 1000 / ms.median : null };
    }
  } finally {
    for (const c of contestants) c.trainer?.dispose();
  }
}

/** n steps, their losses read in the background every `logEvery`; by default only the last counts. */
export function stepsOf(trainer: Trainer, logEvery?: number): Work {
  return async (n) => {
    for await (const metrics of trainer.run({ steps: n, logEvery: logEvery ?? n })) void metrics;
  };
}

/** A trainer that has taken its first step; none where the gradients are wrong. */
async function prepare(
  backend: Backend,
  { name, model, batch }: StepSize,
  precision: Precision,
  signal: AbortSignal | undefined,
): Promise<Contestant> {
  const weights = initialise(model, 1);
  const parameters = [...weights.values()].reduce((sum, w) => sum + w.data.length, 0);
  const called = precision === "f16" ? `${name} f16` : name;
  const row = { name: called, parameters, batch, backend: backend.description, kind: backend.kind, precision };
  const verifyRows = Math.max(1, Math.min(batch, Math.floor(VERIFY_WORK / (6 * multiplyAdds(model)))));
  const start = performance.now();
  const options = {
    model,
    data: sample(model, batch * 4),
    weights,
    batch,
    optimizer: { type: "adam", lr: 1e-4 },
    precision,
  } as const;
  const trainer = await createTrainer(backend, options);
  try {
    await stepsOf(trainer)(1);
    const firstMs = performance.now() - start;
    if (await verifyGradients(backend, model, weights, sample(model, verifyRows), precision, signal))
      return { row, trainer, firstMs };
  } catch (error) {
    trainer.dispose();
    throw error;
  }
  trainer.dispose();
  return { row, trainer: null, firstMs: null };
}

/** Rows that every backend gets alike: x [n, inputs] and targets as the loss takes them. */
export function sample(model: ModelSpec, n: number): { x: NdArray; y: NdArray } {
  if (shapesOf(model).tokens) return randomBatch(model, n, 1);
  const { inputs, outputs } = widths(model);
  const x = ndarray([n, inputs], "f32", normals(1, STREAM.check, 5, n * inputs));
  if (lossKinds[model.loss].targets === "values") {
    return { x, y: ndarray([n, outputs], "f32", normals(1, STREAM.check, 6, n * outputs)) };
  }
  return {
    x,
    y: ndarray(
      [n],
      "i32",
      Int32Array.from({ length: n }, (_, i) => randomWord(1, STREAM.check, 7, i) % outputs),
    ),
  };
}

/** Every parameter's gradient on the backend against f64, by norm. */
async function verifyGradients(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  { x, y }: { x: NdArray; y: NdArray },
  precision: Precision,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { maxBufferSize } = backend.limits;
  const steps = precision === "f16" ? await import("../train/f16/half-steps.ts") : null;
  const halves = steps && { scale: VERIFY_SCALE, steps };
  const g = await gradientGraph(model, weights, x, y, { seed: 1, maxBufferSize, halves });
  const exact = new ReferenceExecutor(g.graph, "f64", true);
  await orAborted(exact.run(1), signal);
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  try {
    const most = normLimit(model, precision);
    const flats = await executor.run(1, g.flatGradients);
    return flats.every((flat, i) => compare(flat, exact.read(g.flatGradients[i]!), null).normRelative <= most);
  } finally {
    executor.dispose();
  }
}
