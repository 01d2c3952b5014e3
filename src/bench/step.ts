import type { Backend } from "../backend/executor.ts";
import { ReferenceExecutor } from "../backend/reference/executor.ts";
import { compare } from "../core/compare.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import { normals, randomWord, STREAM } from "../core/philox.ts";
import { initialise } from "../nn/initialise.ts";
import { losses } from "../nn/losses.ts";
import { type ModelSpec, parseModel, widths } from "../nn/model.ts";
import { fuse } from "../ops/fuse.ts";
import { gradientGraph } from "../train/gradient-graph.ts";
import { createTrainer } from "../train/trainer.ts";
import { measure, type Timing } from "./stats.ts";

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
  readonly verified: boolean;
  readonly ms: Timing | null;
  readonly stepsPerSecond: number | null;
}

/** Rows of the batch on which gradients are verified, so that the f64 reference takes seconds at most. */
const VERIFY_WORK = 2e9;
/** Relative error that a whole gradient may have. */
const NORM_LIMIT = 1e-5;

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
  readonly signal?: AbortSignal;
}): AsyncGenerator<StepRow> {
  for (const size of options.sizes) {
    for (const backend of options.backends) {
      options.signal?.throwIfAborted();
      yield await benchStep(backend, size, options.signal);
    }
  }
}

async function benchStep(backend: Backend, { name, model, batch }: StepSize, signal?: AbortSignal): Promise<StepRow> {
  const weights = initialise(model, 1);
  const parameters = [...weights.values()].reduce((sum, w) => sum + w.data.length, 0);
  const row = { name, parameters, batch, backend: backend.description };
  const verifyRows = Math.max(1, Math.min(batch, Math.floor(VERIFY_WORK / (6 * parameters))));
  const verified = await verifyGradients(backend, model, weights, sample(model, verifyRows));
  if (!verified) return { ...row, verified, ms: null, stepsPerSecond: null };
  const data = sample(model, batch * 4);
  const trainer = await createTrainer(backend, { model, data, weights, batch, optimizer: { type: "adam", lr: 1e-4 } });
  try {
    const work = async (n: number): Promise<void> => {
      for await (const metrics of trainer.run({ steps: n, logEvery: n })) void metrics;
    };
    const ms = await measure(work, { samples: 5, sampleMs: 150, signal });
    return { ...row, verified, ms, stepsPerSecond: 1000 / ms.median };
  } finally {
    trainer.dispose();
  }
}

function sample(model: ModelSpec, n: number): { x: NdArray; y: NdArray } {
  const { inputs, outputs } = widths(model);
  const x = ndarray([n, inputs], "f32", normals(1, STREAM.check, 5, n * inputs));
  if (losses[model.loss].targets === "values") {
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
): Promise<boolean> {
  const g = gradientGraph(model, weights, x, y, { seed: 1, maxBufferSize: backend.limits.maxBufferSize });
  const exact = new ReferenceExecutor(g.graph, "f64");
  exact.step();
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  try {
    const flats = await executor.run(1, g.flatGradients);
    return flats.every((flat, i) => compare(flat, exact.read(g.flatGradients[i]!), null).normRelative <= NORM_LIMIT);
  } finally {
    executor.dispose();
  }
}
