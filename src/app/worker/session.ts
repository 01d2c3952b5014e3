import { isSoftware } from "../../bench/adapter.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { type DataSplit, outputCount } from "../../data/dataset.ts";
import { dataPreset } from "../../data/presets.ts";
import { parameterSpecs } from "../../nn/model.ts";
import { trainingPresets } from "../../nn/presets.ts";
import { chooseTrainer } from "../../train/choose.ts";
import type { TrainerOptions } from "../../train/options.ts";
import type { RecoveryEvent } from "../../train/recovery.ts";
import type { Trainer } from "../../train/trainer.ts";
import { CurveRecorder } from "../state/curve.ts";
import { modelOf, OWN, type Settings } from "../state/settings.ts";
import { samplePoints } from "./boundary.ts";
import { candidatesFor, openCpu, openGpu } from "./devices.ts";
import { brokenBackend, brokenStart, EXPLODING } from "./faults.ts";
import { frameOf } from "./frame.ts";
import type { OwnInfo, RunInfo } from "./types.ts";

/** What is being trained, on what, and how it came to be. */
export interface Session {
  readonly settings: Settings;
  readonly trainer: Trainer;
  readonly split: DataSplit;
  recorder: CurveRecorder;
}

let session: Session | null = null;
let lastEvent: RecoveryEvent | null = null;
let own: { readonly split: DataSplit; readonly info: OwnInfo } | null = null;

export function current(): Session {
  if (!session) throw new ChainruleError("usage", "nothing is set up yet");
  return session;
}

/** What became of a lost device since this was last asked. */
export function takeEvent(): RecoveryEvent | null {
  const event = lastEvent;
  lastEvent = null;
  return event;
}

export function keepOwn(split: DataSplit, info: OwnInfo): void {
  own = { split, info };
}

/** Files of public/data lie beside the page; the worker's own file lies in assets/. */
async function readData(file: string): Promise<Uint8Array> {
  const url = new URL(`${import.meta.env.DEV ? "/" : "../"}data/${file}`, self.location.href);
  const response = await fetch(url);
  if (!response.ok) throw new ChainruleError("file", `cannot fetch ${file}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function loadData(settings: Settings): Promise<DataSplit> {
  if (settings.data === OWN && own) return own.split;
  return dataPreset(settings.data).load(readData, { seed: settings.seed });
}

export function optionsOf(settings: Settings, split: DataSplit): TrainerOptions {
  const model = modelOf(settings, own?.info ?? null);
  const init = trainingPresets[settings.data]?.init;
  const weights = brokenStart(model, settings.seed, settings.fault);
  const exploding = settings.fault === "rate";
  return {
    model,
    data: split.train,
    test: split.test,
    batch: settings.batch === "full" ? "full" : Math.min(settings.batch, split.train.x.shape[0]!),
    seed: settings.seed,
    optimizer: exploding ? { type: "sgd", lr: settings.lr * EXPLODING } : { type: settings.optimizer, lr: settings.lr },
    ...(weights ? { weights } : {}),
    ...(init ? { init } : {}),
  };
}

/** Makes a trainer of the settings, ready at its first step; the one before it goes. */
export async function configure(settings: Settings): Promise<RunInfo> {
  const [split, candidates] = await Promise.all([loadData(settings), candidatesFor(settings.device)]);
  const options = optionsOf(settings, split);
  const backends = candidates.map((b) => brokenBackend(b, settings.fault));
  const { trainer, measured } = await chooseTrainer(backends, options, {
    onLost: "cpu",
    cpu: openCpu,
    onEvent: (event) => {
      lastEvent = event;
    },
  });
  session?.trainer.dispose();
  session = { settings, trainer, split, recorder: new CurveRecorder() };
  const { kind, description } = trainer.backend;
  const gpu = await openGpu();
  const { train, test } = split;
  return {
    adapter: {
      kind,
      description,
      missing: gpu.reason,
      software: gpu.backend !== null && isSoftware(gpu.backend.description),
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
      train.y.dtype === "i32" ? (train.classes ?? Array.from({ length: outputCount(train) }, (_, i) => String(i))) : [],
    image: train.image ?? null,
    frame: train.image ? frameOf(train.x, train.image) : null,
    points: samplePoints(train),
    source: train.source ?? "",
  };
}

/** Parameters of the run as they are now, by name. */
export function parametersNow(): Promise<Map<string, NdArray>> {
  return current().trainer.parameters();
}
