import type { Backend } from "../../backend/executor.ts";
import { checkGradients, type GradientReport, type TensorValues } from "../../check/gradients.ts";
import { type Ailment, checkHealth } from "../../check/health.ts";
import { orAborted } from "../../core/abort.ts";
import { type NdArray, rows, type Shape, sizeOf } from "../../core/ndarray.ts";
import { layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { multiplyAdds } from "../../nn/shapes.ts";
import type { Rows } from "../../train/data/row-source.ts";
import { openCpu, openGpu } from "./devices.ts";
import { brokenBackend } from "./faults.ts";
import { current, parametersNow, trainingRows } from "./session.ts";

/** Rows whose gradients are checked: enough to mean something, few enough to take a second. */
const CHECK_ROWS = 16;
/** Rows that are looked at for units that never fire. */
const HEALTH_ROWS = 256;
/** Multiply-adds of one way forward, by which both are fewer where a row is much work; batch norm wants two. */
const CHECK_WORK = 1e7;
const HEALTH_WORK = 1e8;
const LEAST_ROWS = 2;
/** Multiplications of all finite differences together: some seconds. */
const FINITE_WORK = 1e9;
/** The loss has risen when it is so many times what it was at first. */
const RISEN = 3;
/** Elements of a tensor that are sent to be drawn. */
const MOST_ELEMENTS = 512 * 512;

export const checkNames = ["device", "finite", "dead", "same", "loss"] as const;

/** One named check and what it says. */
export interface Verdict {
  readonly check: (typeof checkNames)[number];
  readonly pass: boolean;
  /** The tensor that fails first, or the units that ail. */
  readonly tensor: string | null;
  readonly ailments: readonly Ailment[];
  /** First and last loss of the run, for the check of that name. */
  readonly loss: readonly [number, number] | null;
}

export interface XrayReport extends GradientReport {
  readonly step: number;
  readonly rows: number;
  readonly beside: string | null;
  readonly verdicts: readonly Verdict[];
  /** By the name of a parameter's gradient, the type of the layer that has the parameter. */
  readonly layerOf: Readonly<Record<string, string>>;
  /** What each token is, where a text is learned. */
  readonly tokens: readonly string[] | null;
  /** By the name of a parameter's gradient, which of its axes counts tokens: rows of an embedding, columns of the head. */
  readonly tokenAxis: Readonly<Record<string, number>>;
}

/** A tensor to draw: its first axes down and its last ones across, divided where the picture is nearest to a square. */
export interface TensorPicture {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly exact: Float64Array;
  readonly device: Float64Array | null;
  readonly bound: Float64Array | null;
}

/** A step as it was checked. */
export interface CheckedStep extends Rows {
  readonly model: ModelSpec;
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly seed: number;
  readonly step: number;
}

let kept = new Map<string, TensorValues>();
let checked: CheckedStep | null = null;

/** The step that was checked last; this very one where none was. */
export async function checkedStep(): Promise<CheckedStep> {
  if (!checked || checked.model !== current().trainer.options.model) await xrayNow();
  return checked!;
}

let running: AbortController | null = null;

/** Ends the check that runs; whoever asked for it gets null. */
export function cancel(): void {
  running?.abort();
}

/** How a check differs from the one that the Gradients room shows. */
interface Wanted {
  /** Stands for what checks the device. */
  readonly broken?: (b: Backend) => Backend;
  /** Only the device against f64, on as many rows as are given. */
  readonly deviceAlone?: { readonly rows: number };
  readonly onProgress?: (done: number, of: number) => void;
}

/** Rows, as many as are wanted and may be computed by plain loops. */
export function rowsWithin(model: ModelSpec, wanted: number, work: number): number {
  return Math.max(LEAST_ROWS, Math.min(wanted, Math.floor(work / (1 + multiplyAdds(model)))));
}

/** The same, until it is cancelled: then null. */
export async function xrayUnlessCancelled(onProgress: Wanted["onProgress"]): Promise<XrayReport | null> {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  try {
    return await xrayNow(onProgress ? { onProgress } : {}, mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return null;
    throw error;
  }
}

/** The check of the run at this very step, on its first rows. */
export async function xrayNow(
  { broken, deviceAlone, onProgress }: Wanted = {},
  signal?: AbortSignal,
): Promise<XrayReport> {
  const { trainer, settings, recorder } = current();
  const { model, seed } = trainer.options;
  const data = trainingRows();
  const part = (most: number) => {
    const n = Math.min(most, data.x.shape[0]!);
    return { x: rows(data.x, 0, n), y: rows(data.y, 0, n) };
  };
  const { x, y } = part(deviceAlone?.rows ?? rowsWithin(model, CHECK_ROWS, CHECK_WORK));
  const weights = await parametersNow();
  const gpu = (await openGpu()).backend;
  const cpu = await openCpu();
  const values = new Map<string, TensorValues>();
  const report = await checkGradients({
    model,
    weights,
    x,
    y,
    // Checked on the GPU wherever there is one, whatever trains.
    backend: (broken ?? ((b) => brokenBackend(b, settings.fault)))(gpu ?? cpu),
    beside: gpu ? cpu : null,
    seed,
    finiteWork: deviceAlone ? 0 : FINITE_WORK,
    onTensor: (name, v) => values.set(name, v),
    signal,
    ...(onProgress ? { onProgress } : {}),
  });
  kept = values;
  checked = { model, weights, x, y, seed, step: trainer.stepsTaken };
  const many = part(rowsWithin(model, HEALTH_ROWS, HEALTH_WORK));
  const ailments = deviceAlone ? [] : await orAborted(checkHealth(model, weights, many.x, many.y), signal);
  const { first, last } = recorder;
  return {
    ...report,
    step: trainer.stepsTaken,
    rows: x.shape[0]!,
    beside: gpu ? cpu.description : null,
    layerOf: Object.fromEntries(parameterSpecs(model).map((p) => [`d ${p.name}`, layerName(model.layers[p.layer]!)])),
    verdicts: verdictsOf(report, ailments, first, last),
    tokens: settings.text ? (await import("./text.ts")).allTokens() : null,
    tokenAxis: settings.text ? tokenAxes(model) : {},
  };
}

function tokenAxes(model: ModelSpec): Readonly<Record<string, number>> {
  const last = model.layers.length - 1;
  const axes = parameterSpecs(model).flatMap(({ name, layer, shape }) => {
    const { type } = model.layers[layer]!;
    if (type === "embedding") return [[`d ${name}`, 0] as const];
    return layer === last && type === "linear" ? [[`d ${name}`, shape.length - 1] as const] : [];
  });
  return Object.fromEntries(axes);
}

function verdictsOf(report: GradientReport, ailments: readonly Ailment[], first: number, last: number): Verdict[] {
  const onDevice = report.tensors.find((t) => !t.pass && (t.finite?.pass ?? true));
  const numeric = report.tensors.find((t) => t.finite?.pass === false);
  const blank = { tensor: null, ailments: [], loss: null };
  const ailing = (kind: Ailment["kind"]): Verdict => {
    const found = ailments.filter((a) => a.kind === kind);
    // A few dead units are a net's daily life; half of a layer is not.
    return {
      ...blank,
      check: kind,
      pass: found.every((a) => 2 * a.count < a.of),
      ailments: found,
      tensor: found[0]?.tensor ?? null,
    };
  };
  const calm = Number.isNaN(first) || (Number.isFinite(last) && last <= RISEN * Math.max(first, 1e-3));
  return [
    { ...blank, check: "device", pass: !onDevice, tensor: onDevice?.name ?? null },
    { ...blank, check: "finite", pass: !numeric, tensor: numeric?.name ?? null },
    ailing("dead"),
    ailing("same"),
    { ...blank, check: "loss", pass: calm, loss: Number.isNaN(first) ? null : [first, last] },
  ];
}

/** [32, 16, 3, 3] is 32 rows of 144. */
export function columnsOf(shape: Shape): number {
  const squareness = (columns: number): number => Math.abs(Math.log(columns ** 2 / sizeOf(shape)));
  const choices = shape.slice(1).map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return choices.reduce((best, c) => (squareness(c) < squareness(best) ? c : best), shape.at(-1)!);
}

/** The values behind a row of the last report; a large tensor's first rows. */
export function tensorPicture(name: string): TensorPicture | null {
  const values = kept.get(name);
  if (!values) return null;
  const { shape } = values.exact;
  const columns = columnsOf(shape);
  const all = values.exact.data.length / columns;
  const count = Math.min(all, Math.max(1, Math.floor(MOST_ELEMENTS / columns)));
  const cut = (a: TensorValues["bound"]): Float64Array | null =>
    a && Float64Array.from(a.data.subarray(0, count * columns));
  return {
    name,
    rows: count,
    columns,
    exact: cut(values.exact)!,
    device: cut(values.device),
    bound: cut(values.bound),
  };
}
