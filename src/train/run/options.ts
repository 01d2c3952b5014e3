/** Every option of a run, its default and its check side by side: apart, one would be changed without the other. */

import type { Backend } from "../../backend/executor.ts";
import { requireCount, requireKnownFields, requireMap } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { firstNotFinite, type NdArray, sameShape, shapeText, unravel } from "../../core/ndarray.ts";
import { defaultInitialiser, type Initialiser, initialise, withFirstAdapters } from "../../nn/initialise.ts";
import { copyModel, requireModel } from "../../nn/model.ts";
import { withLength } from "../../nn/model-length.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs, weightSpecs } from "../../nn/parameter-specs.ts";
import { requireFits } from "../../nn/parameters.ts";
import type { Multipliers, ParameterGroupSpec } from "../../optim/groups.ts";
import { type AverageSpec, checkAverage, type OptimizerSpec, optimizerAttrs } from "../../optim/optimizer.ts";
import { checkPenalty, type PenaltySpec } from "../../optim/penalty.ts";
import { type ScheduleSpec, scheduleAttrs } from "../../optim/schedule.ts";
import { matchData, requireRows } from "../data/match-rows.ts";
import { isResident, type RowSource, type Rows } from "../data/row-source.ts";
import { type Halves, type LossScale, type Precision, resolveHalves } from "../f16/precision.ts";
import type { AugmentSpec } from "./augment.ts";

/** A run: what is learned from which rows, and how. */
export interface TrainerOptions {
  /** The net and its loss. */
  readonly model: ModelSpec;
  /** Rows to learn from: in memory, or a source of which they are read as they are needed. */
  readonly data: Rows | RowSource;
  /** Rows that evaluate() judges it on. */
  readonly test?: Rows | RowSource | null;
  /** Rows of a step; "full" takes all rows each step, in their order. Default 32, or all where there are fewer. */
  readonly batch?: number | "full";
  /** Default adam with lr 0.001. */
  readonly optimizer?: OptimizerSpec;
  /** Learning rate over the steps; constant by default. */
  readonly schedule?: ScheduleSpec;
  /** Global norm to clip gradients to; none by default. */
  readonly clip?: number;
  /** How operands of products are stored; "f16" is held against f32 on the first batch. Default "f32". */
  readonly precision?: Precision;
  /** With f16, what gradients are multiplied by on their way; default "dynamic". */
  readonly lossScale?: LossScale;
  /** Keeps a moving average of the weights beside them: `parameters("average")`, `evaluate(on, "average")`. */
  readonly ema?: AverageSpec;
  /** Parameters with a learning rate or weight decay of their own: frozen layers, biases without decay. */
  readonly groups?: readonly ParameterGroupSpec[];
  /** What large weights cost, added to the loss. */
  readonly penalty?: PenaltySpec;
  /** Batches that a step goes through before it changes the weights, as if they were one; 1 by default. */
  readonly accumulate?: number;
  /** Changes images as they are trained on: crop, shift, flip, cutout; as they are by default. */
  readonly augment?: AugmentSpec;
  /** Computes values of the forward pass again on the way back: less memory, more time, the same bits. Default false. */
  readonly recompute?: boolean;
  /** Decides first weights, the order of rows, dropout and augmentation, 0 to 2^32 - 1. Default 1. */
  readonly seed?: number;
  /** How weights begin; he where there are rectifiers, else xavier. */
  readonly init?: Initialiser;
  /** First weights by name, W [in, out]; drawn from the seed by default, as adapters are that they lack. */
  readonly weights?: ReadonlyMap<string, NdArray>;
  /** Data sets larger than this many bytes stream in chunks; by default what the device can bind at once. */
  readonly maxDataBytes?: number;
}

/** TrainerOptions with every default filled in, checked. */
export interface ResolvedOptions {
  /** The net and its loss. */
  readonly model: ModelSpec;
  /** Rows to learn from. */
  readonly data: Rows | RowSource;
  /** Rows that evaluate() judges it on. */
  readonly test: Rows | RowSource | null;
  /** Rows of a step. */
  readonly batch: number | "full";
  /** How weights move. */
  readonly optimizer: OptimizerSpec;
  /** Learning rate over the steps. */
  readonly schedule: ScheduleSpec;
  /** Global norm that gradients are clipped to; 0 for none. */
  readonly clip: number;
  /** Of a run in f16; null for f32. */
  readonly halves: Halves | null;
  /** The moving average of the weights; null for none. */
  readonly ema: AverageSpec | null;
  /** Factors of learning rate and weight decay by parameter; null where all are 1. */
  readonly multipliers: ReadonlyMap<string, Multipliers> | null;
  /** What large weights cost; null for nothing. */
  readonly penalty: PenaltySpec | null;
  /** Batches of a step. */
  readonly accumulate: number;
  /** How images are changed; absent where they are not. */
  readonly augment?: AugmentSpec;
  /** Whether values of the forward pass are computed again on the way back. */
  readonly recompute: boolean;
  /** Decides first weights, the order of rows, dropout and augmentation. */
  readonly seed: number;
  /** First weights by name, W [in, out]. */
  readonly weights: ReadonlyMap<string, NdArray>;
  /** Data sets larger than this stream. */
  readonly maxDataBytes: number;
  /** The largest buffer of the backend, in bytes. */
  readonly maxBufferSize: number;
}

/** Batches of one step: each adds its dispatches to a step that is recorded whole. */
const MAX_PARTS = 256;

/** Options of a run, and those that say where it runs, which openTrainer() takes in the same object. */
const fields: Readonly<Record<keyof TrainerOptions | "gpu" | "recovery" | "signal", true>> = {
  model: true,
  data: true,
  test: true,
  batch: true,
  optimizer: true,
  schedule: true,
  clip: true,
  precision: true,
  lossScale: true,
  ema: true,
  groups: true,
  penalty: true,
  accumulate: true,
  augment: true,
  recompute: true,
  seed: true,
  init: true,
  weights: true,
  maxDataBytes: true,
  gpu: true,
  recovery: true,
  signal: true,
};

/** What can be told without looking at every row: options that there are none of, no model, no rows. */
export function requireOptions(given: TrainerOptions): void {
  requireKnownFields("createTrainer", given, Object.keys(fields));
  requireModel(given.model);
  requireRows(given.data, "training data");
}

/** Fills in defaults and refuses, before any work, what cannot be trained. */
export async function resolveOptions(given: TrainerOptions, backend: Backend): Promise<ResolvedOptions> {
  requireOptions(given);
  const model = copyModel(withLength(given.model, given.data.x));
  const data = matchData(model, given.data, "training data");
  const test = given.test ? matchData(model, given.test, "test data") : null;
  const n = data.x.shape[0]!;
  const batch = given.batch ?? Math.min(32, n);
  if (batch !== "full" && !(Number.isInteger(batch) && batch >= 1 && batch <= 2 ** 20)) {
    throw new ChainruleError("usage", `batch must be "full" or a whole number from 1 to ${2 ** 20}, got ${batch}`);
  }
  if (batch === "full" && !isResident(data)) {
    throw new ChainruleError("usage", 'batch "full" takes all rows at once, and this data set streams: give a number');
  }
  const seed = given.seed ?? 1;
  requireCount("seed", seed, 0, 2 ** 32 - 1);
  const clip = given.clip ?? 0;
  if (!(clip >= 0 && Number.isFinite(clip)))
    throw new ChainruleError("usage", `clip must be a positive number, got ${clip}`);
  const halves = resolveHalves(given.precision, given.lossScale);
  const optimizer = given.optimizer ?? { type: "adam", lr: 0.001 };
  optimizerAttrs(optimizer);
  const schedule = given.schedule ?? { type: "constant" };
  scheduleAttrs(schedule, optimizer.lr);
  const ema = given.ema ?? null;
  checkAverage(ema);
  const multipliers = given.groups
    ? (await import("../../optim/groups.ts")).parameterMultipliers(given.groups, parameterSpecs(model))
    : null;
  const penalty = checkPenalty(given.penalty);
  const accumulate = given.accumulate ?? 1;
  requireCount("accumulate", accumulate, 1, MAX_PARTS);
  if (accumulate > 1 && batch === "full") {
    throw new ChainruleError("usage", 'accumulate needs a batch of so many rows: a batch of "full" has them all');
  }
  const recompute = given.recompute ?? false;
  if (typeof recompute !== "boolean") {
    throw new ChainruleError("usage", `recompute must be true or false, got ${recompute}`);
  }
  const { maxBufferSize } = backend.limits;
  requireFits(model, maxBufferSize);
  const maxDataBytes = given.maxDataBytes ?? backend.limits.maxDataBytes;
  if (!(maxDataBytes > 0)) throw new ChainruleError("usage", `maxDataBytes must be above 0, got ${maxDataBytes}`);
  const weights = given.weights
    ? withFirstAdapters(model, given.weights, seed)
    : initialise(model, seed, given.init ?? defaultInitialiser(model));
  checkWeights(model, weights);
  return {
    model,
    data,
    test,
    batch,
    optimizer,
    schedule,
    clip,
    ema,
    multipliers,
    penalty,
    accumulate,
    ...(given.augment && { augment: given.augment }),
    recompute,
    seed,
    halves,
    weights,
    maxDataBytes,
    maxBufferSize,
  };
}

/** Names, shapes and finiteness of every parameter. */
export function checkWeights(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): void {
  requireMap("weights", weights);
  const specs = weightSpecs(model);
  for (const { name, shape, counts } of specs) {
    const value = weights.get(name);
    if (!value && counts) continue;
    if (!value) throw new ChainruleError("file", `weights: ${name} ${shapeText(shape)} is missing`);
    if (!sameShape(value.shape, shape)) {
      throw new ChainruleError(
        "file",
        `weights: ${name} is ${shapeText(value.shape)}, the model has ${shapeText(shape)} ([in, out])`,
      );
    }
    const at = firstNotFinite(value.data);
    if (at >= 0) {
      const where = unravel(at, shape).join(", ");
      throw new ChainruleError("file", `weights: ${name} holds ${value.data[at]} at [${where}]`);
    }
  }
  const extra = [...weights.keys()].find((name) => !specs.some((s) => s.name === name));
  if (extra !== undefined) throw new ChainruleError("file", `weights: the model has no parameter ${extra}`);
}
