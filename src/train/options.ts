import type { Backend } from "../backend/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import { firstNotFinite, type NdArray, ndarray, sameShape, shapeText, sizeOf, unravel } from "../core/ndarray.ts";
import { defaultInitialiser, type Initialiser, initialise } from "../nn/initialise.ts";
import { losses } from "../nn/losses.ts";
import { type ModelSpec, parameterSpecs, parseModel, widths } from "../nn/model.ts";
import { requireFits } from "../nn/parameters.ts";
import { type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { type ScheduleSpec, scheduleAttrs } from "../optim/schedule.ts";
import { type LossScale, type Precision, type PrecisionOptions, resolvePrecision } from "./precision.ts";

/** Rows to learn from: x f32 [n, inputs]; y f32 [n, outputs], or class indices i32 [n]. */
export interface Rows {
  readonly x: NdArray;
  readonly y: NdArray;
}

export interface TrainerOptions {
  readonly model: ModelSpec;
  readonly data: Rows;
  readonly test?: Rows | null;
  /** Rows of a step; "full" takes all rows each step, in their order. Default 32, or all where there are fewer. */
  readonly batch?: number | "full";
  /** Default adam with lr 0.001. */
  readonly optimizer?: OptimizerSpec;
  readonly schedule?: ScheduleSpec;
  /** Global norm to clip gradients to; none by default. */
  readonly clip?: number;
  /** How operands of products are stored; "f16" is held against f32 on the first batch. Default "f32". */
  readonly precision?: Precision;
  /** With f16, what gradients are multiplied by on their way; default "dynamic". */
  readonly lossScale?: LossScale;
  readonly seed?: number;
  readonly init?: Initialiser;
  /** First weights by name, W [in, out]; drawn from the seed by default. */
  readonly weights?: ReadonlyMap<string, NdArray>;
  /** Data sets larger than this many bytes stream in chunks; by default what the device can bind at once. */
  readonly maxDataBytes?: number;
}

export interface ResolvedOptions extends PrecisionOptions {
  readonly model: ModelSpec;
  readonly data: Rows;
  readonly test: Rows | null;
  readonly batch: number | "full";
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  readonly clip: number;
  readonly seed: number;
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly maxDataBytes: number;
  readonly maxBufferSize: number;
}

/** Fills in defaults and refuses, before any work, what cannot be trained. */
export function resolveOptions(given: TrainerOptions, backend: Backend): ResolvedOptions {
  const model = parseModel(JSON.parse(JSON.stringify(given.model)));
  const data = matchRows(model, given.data, "training data");
  const test = given.test ? matchRows(model, given.test, "test data") : null;
  const n = data.x.shape[0]!;
  const batch = given.batch ?? Math.min(32, n);
  if (batch !== "full" && !(Number.isInteger(batch) && batch >= 1 && batch <= 2 ** 20)) {
    throw new ChainruleError("usage", `batch must be "full" or a whole number from 1 to ${2 ** 20}, got ${batch}`);
  }
  const seed = given.seed ?? 1;
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw new ChainruleError("usage", `seed must be a whole number from 0 to 4294967295, got ${seed}`);
  }
  const clip = given.clip ?? 0;
  if (!(clip >= 0 && Number.isFinite(clip)))
    throw new ChainruleError("usage", `clip must be a positive number, got ${clip}`);
  const precision = resolvePrecision(given.precision, given.lossScale);
  const optimizer = given.optimizer ?? { type: "adam", lr: 0.001 };
  optimizerAttrs(optimizer);
  const schedule = given.schedule ?? { type: "constant" };
  scheduleAttrs(schedule, optimizer.lr);
  const { maxBufferSize, maxDataBytes } = backend.limits;
  requireFits(model, maxBufferSize);
  const weights = given.weights ?? initialise(model, seed, given.init ?? defaultInitialiser(model));
  checkWeights(model, weights);
  return {
    model,
    data,
    test,
    batch,
    optimizer,
    schedule,
    clip,
    seed,
    ...precision,
    weights,
    maxDataBytes: given.maxDataBytes ?? maxDataBytes,
    maxBufferSize,
  };
}

/** Names, shapes and finiteness of every parameter. */
export function checkWeights(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): void {
  const specs = parameterSpecs(model);
  for (const { name, shape } of specs) {
    const value = weights.get(name);
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

/** Rows in the form that the model's loss takes. Throws naming the row and the column. */
export function matchRows(model: ModelSpec, rows: Rows, what: string): Rows {
  const { inputs, outputs } = widths(model);
  const { x, y } = rows;
  const n = x.shape[0] ?? 0;
  if (n === 0) throw new ChainruleError("data", `${what}: there are no rows`);
  const width = sizeOf(x.shape.slice(1));
  if (width !== inputs)
    throw new ChainruleError("data", `${what}: rows have ${width} values, the model takes ${inputs}`);
  if (y.shape[0] !== n) throw new ChainruleError("data", `${what}: ${n} rows of inputs, ${y.shape[0] ?? 0} of targets`);
  refuseNotFinite(x, `${what}: x`);
  const flatX = x.shape.length === 2 ? x : { ...x, shape: [n, width] };
  const targets = losses[model.loss].targets;
  if (targets === "classes") return { x: flatX, y: classLabels(y, outputs, what) };
  if (y.dtype === "i32") return { x: flatX, y: labelsAsValues(y, outputs, what) };
  const flatY = y.shape.length === 2 ? y : { ...y, shape: [n, sizeOf(y.shape.slice(1))] };
  if (flatY.shape[1] !== outputs) {
    throw new ChainruleError("data", `${what}: targets have ${flatY.shape[1]} values, the model gives ${outputs}`);
  }
  refuseNotFinite(flatY, `${what}: y`);
  return { x: flatX, y: flatY };
}

/** Class indices i32 [n], each below `classes`. Whole f32 numbers are taken as labels too. */
function classLabels(y: NdArray, classes: number, what: string): NdArray {
  if (sizeOf(y.shape) !== y.shape[0]) {
    throw new ChainruleError("data", `${what}: crossEntropy takes one class index a row, got y ${shapeText(y.shape)}`);
  }
  for (let i = 0; i < y.data.length; i++) {
    const label = y.data[i]!;
    if (!Number.isInteger(label))
      throw new ChainruleError("data", `${what}: label ${label} of row ${i} is not a whole number`);
    if (label < 0 || label >= classes) {
      throw new ChainruleError(
        "data",
        `${what}: label ${label} of row ${i} is outside the model's ${classes} classes, 0 to ${classes - 1}`,
      );
    }
  }
  return ndarray([y.data.length], "i32", y.data);
}

/** Labels for a loss on values: one output is 0 or 1; several are one-hot. */
function labelsAsValues(y: NdArray, outputs: number, what: string): NdArray {
  const labels = classLabels(y, Math.max(2, outputs), what);
  if (outputs === 1) return ndarray([labels.data.length, 1], "f32", Float32Array.from(labels.data));
  const values = new Float32Array(labels.data.length * outputs);
  labels.data.forEach((label, i) => {
    values[i * outputs + label] = 1;
  });
  return ndarray([labels.data.length, outputs], "f32", values);
}

function refuseNotFinite(a: NdArray, what: string): void {
  const at = firstNotFinite(a.data);
  if (at < 0) return;
  const [row, ...column] = unravel(at, a.shape);
  throw new ChainruleError("data", `${what} holds ${a.data[at]} in row ${row}, column ${column.join(", ")}`);
}
