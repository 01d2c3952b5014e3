import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { type DataSplit, outputCount } from "../../data/dataset.ts";
import { dataPreset } from "../../data/presets.ts";
import type { DeviceRecord } from "../../io/checkpoint/checkpoint.ts";
import { loadLayerTypes } from "../../nn/layers/registry.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { chooseTrainer, type MeasuredBackend } from "../../train/choose-backend.ts";
import type { Rows } from "../../train/data/row-source.ts";
import { requireResident } from "../../train/data/row-source.ts";
import type { Evaluation } from "../../train/evaluation/evaluation.ts";
import type { RecoveryEvent, RecoveryOptions } from "../../train/recovery/recovery.ts";
import type { TrainerOptions } from "../../train/run/options.ts";
import type { Trainer } from "../../train/trainer.ts";
import { CurveRecorder } from "../state/curve.ts";
import { layersText } from "../state/net.ts";
import { type Device, modelOf, OWN, type Settings } from "../state/settings.ts";
import { samplePoints } from "./boundary.ts";
import { candidatesFor, openCpu, openGpu } from "./devices.ts";
import type { OwnInfo, RunInfo } from "./types.ts";

/** What is being trained, on what, and how it came to be. */
export interface Session {
  readonly settings: Settings;
  /** What the trainer was made with. */
  readonly options: TrainerOptions;
  readonly trainer: Trainer;
  readonly split: DataSplit;
  recorder: CurveRecorder;
  /** What was found on whole data sets so far. */
  evaluations: (Evaluation & { readonly step: number })[];
}

let session: Session | null = null;
let lastEvent: RecoveryEvent | null = null;
/** All backends of the run, where one of them was still compiling when the page was told of them. */
let lastMeasured: readonly MeasuredBackend[] | null = null;
let own: { readonly split: DataSplit; readonly info: OwnInfo } | null = null;

export function current(): Session {
  if (!session) throw new ChainruleError("usage", "nothing is set up yet");
  return session;
}

/** What became of a lost device, and what was measured late, since this was last asked. */
export function takeEvents(): { recovery: RecoveryEvent | null; measured: readonly MeasuredBackend[] | null } {
  const events = { recovery: lastEvent, measured: lastMeasured };
  lastEvent = lastMeasured = null;
  return events;
}

/** The rows that are trained on, and what is known of them where they are the user's own; null where a text is. */
export function rowsNow(): { readonly split: DataSplit; readonly info: OwnInfo | null } | null {
  const { settings, split } = current();
  if (settings.data !== OWN) return settings.text ? null : { split, info: null };
  return own && !own.info.text ? own : null;
}

export function keepOwn(split: DataSplit, info: OwnInfo): void {
  own = { split, info };
}

/** Files of public/data lie beside the page; the worker's own file lies in assets/. */
export async function readData(file: string): Promise<Uint8Array> {
  const url = new URL(`${import.meta.env.DEV ? "/" : "../"}data/${file}`, self.location.href);
  const response = await fetch(url);
  if (!response.ok) throw new ChainruleError("file", `cannot fetch ${file}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function loadData(settings: Settings): Promise<DataSplit> {
  if (own && (settings.data === OWN || own.info.text?.preset === settings.data)) return own.split;
  return dataPreset(settings.data).load(readData, { seed: settings.seed });
}

/** A link may ask for forty layers of 8,192, which no page can hold: 2^26 parameters are 1 GiB with Adam's moments. */
const MOST_PARAMETERS = 2 ** 26;
/** Or for values between layers that no device has room for: 2^30 of a batch are 4 GiB, and as much again on the way back. */
const MOST_VALUES = 2 ** 30;

function requireTrainable(model: ModelSpec, rows: number): void {
  const count = parameterSpecs(model).reduce((sum, p) => sum + sizeOf(p.shape), 0);
  if (count > MOST_PARAMETERS) {
    throw new ChainruleError("limit", `${count} parameters, more than the ${MOST_PARAMETERS} that a page may hold`);
  }
  const values = rows * shapesOf(model).shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (values > MOST_VALUES) {
    throw new ChainruleError(
      "limit",
      `a batch of ${rows} leaves ${values} values between layers, more than the ${MOST_VALUES} that a page may hold: take a smaller batch`,
    );
  }
}

/** A net that the user dropped, with the weights it begins from. */
interface DroppedNet {
  readonly name: string;
  readonly model: ModelSpec;
  readonly weights: ReadonlyMap<string, NdArray>;
}

let dropped: DroppedNet | null = null;

export function keepNet(net: DroppedNet): void {
  dropped = net;
}

/** The dropped net, for as long as the settings still say it: the page's own controls know only so much of a layer. */
function droppedFor(model: ModelSpec, { graph }: Settings): DroppedNet | null {
  const text = ({ layers }: ModelSpec): string => JSON.stringify(layers);
  const said = graph ? text : layersText;
  return dropped && said(dropped.model) === said(model) ? dropped : null;
}

async function optionsOf(settings: Settings, split: DataSplit): Promise<TrainerOptions> {
  const asked = modelOf(settings, own?.info ?? null);
  await loadLayerTypes(asked);
  const taken = droppedFor(asked, settings);
  const model = taken ? { ...taken.model, loss: asked.loss } : asked;
  const rows = split.train.x.shape[0]!;
  const batch = settings.batch === "full" ? "full" : Math.min(settings.batch, rows);
  requireTrainable(model, batch === "full" ? rows : batch);
  const init = trainingPresets[settings.data]?.init;
  const faults = await faultsFor(settings);
  const weights = faults?.brokenStart(model, settings.seed, settings.fault) ?? taken?.weights;
  const lr = settings.lr * (settings.fault === "rate" ? faults!.EXPLODING : 1);
  return {
    model,
    data: split.train,
    test: split.test,
    batch,
    seed: settings.seed,
    optimizer: { type: settings.fault === "rate" ? "sgd" : settings.optimizer, lr },
    ...(weights ? { weights } : {}),
    ...(init ? { init } : {}),
  };
}

/** What breaks a run on purpose; null where nothing does. */
const faultsFor = ({ fault }: Settings) => (fault === "none" ? null : import("./faults.ts"));

/** The device that was asked for; a run that goes on counts as asking for the one that it was on. */
export function deviceFor({ device }: Settings, before: DeviceRecord | null): Device {
  return device === "auto" && before ? before.kind : device;
}

/**
 * Makes a trainer of the settings, ready at its first step; the one before it goes. A run that goes on is made on the
 * device it was on, with the same kernels, where that device is here.
 */
export async function configure(settings: Settings, before: DeviceRecord | null = null): Promise<RunInfo> {
  const since = performance.now();
  const [split, candidates] = await Promise.all([loadData(settings), candidatesFor(deviceFor(settings, before))]);
  for (const backend of candidates) {
    if (before?.description === backend.description) backend.choices?.remember(before.kernels);
  }
  const options = await optionsOf(settings, split);
  const faults = await faultsFor(settings);
  const backends = faults ? candidates.map((b) => faults.brokenBackend(b, settings.fault)) : candidates;
  const recovery: RecoveryOptions = {
    onLost: "cpu",
    cpu: openCpu,
    onEvent: (event) => {
      lastEvent = event;
    },
  };
  const { trainer, measured, settled } = await chooseTrainer(backends, options, recovery, { since });
  session?.trainer.dispose();
  session = { settings, options, trainer, split, recorder: new CurveRecorder(), evaluations: [] };
  lastMeasured = null;
  if (measured.some((m) => m.compiling)) {
    settled.then((all) => {
      if (session?.trainer === trainer) lastMeasured = all;
    });
  }
  const { kind, description } = trainer.backend;
  const gpu = await openGpu();
  const { train, test } = split;
  const text = (settings.text && own?.info.text) ?? null;
  return {
    adapter: {
      kind,
      description,
      missing: gpu.reason,
      software: gpu.backend?.gpu.caps.onCpu === true,
      measured: candidates.length > 1 ? measured : [],
      wrong: [...(gpu.backend?.gpu.wrong ?? [])].map(([kernel, reason]) => ({ kernel, reason })),
    },
    rows: train.x.shape[0]!,
    testRows: test?.x.shape[0] ?? 0,
    parameters: parameterSpecs(options.model).reduce((sum, p) => sum + sizeOf(p.shape), 0),
    bytes: trainer.memory().liveBytes,
    batchRows: trainer.batchRows,
    stepsPerEpoch: trainer.stepsPerEpoch,
    classes:
      train.y.dtype === "i32" && !text
        ? (train.classes ?? Array.from({ length: outputCount(train) }, (_, i) => String(i)))
        : [],
    image: train.image ?? null,
    shape: train.image ? [1, train.image.height, train.image.width] : (train.shape ?? null),
    frame: train.image ? (await import("./frame.ts")).frameOf(train.x, train.image) : null,
    points: text ? null : samplePoints(train),
    source: train.source ?? "",
    text,
    net: options.weights && options.weights === dropped?.weights ? dropped.name : null,
  };
}

/** The rows that are trained on, in the form that the loss takes: the page keeps its data in memory. */
export function trainingRows(): Rows {
  return requireResident(current().trainer.options.data);
}

/** Parameters of the run as they are now, by name. */
export function parametersNow(): Promise<Map<string, NdArray>> {
  return current().trainer.parameters();
}
