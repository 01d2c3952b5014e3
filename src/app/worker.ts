import { expose } from "comlink";
import { cpuBackend } from "../backend/cpu.ts";
import type { Backend } from "../backend/executor.ts";
import { type WebGpuBackend, webgpuBackend } from "../backend/webgpu/backend.ts";
import { isSoftware } from "../bench/adapter.ts";
import { benchMatmul, productSizes } from "../bench/matmul.ts";
import { benchSteps, stepSizes } from "../bench/step.ts";
import { checkGradients } from "../check/gradients.ts";
import { ChainruleError } from "../core/errors.ts";
import { rows, sizeOf } from "../core/ndarray.ts";
import { outputCount } from "../data/dataset.ts";
import { dataPreset } from "../data/presets.ts";
import { parameterSpecs } from "../nn/model.ts";
import { trainingPresets } from "../nn/presets.ts";
import { chooseTrainer } from "../train/choose.ts";
import type { TrainerOptions } from "../train/options.ts";
import type { Trainer } from "../train/trainer.ts";
import { boundaryOf, samplePoints } from "./boundary-grid.ts";
import type { Engine, Progress, RunInfo } from "./engine-types.ts";
import { type Device, modelOf, type Settings } from "./settings.ts";

/** Time between two pieces of news to the page, and between two evaluations. */
const NEWS_MS = 100;
const EVALUATE_MS = 1000;
/** Rows of the batch whose gradients are checked: enough to mean something, few enough to take a second. */
const CHECK_ROWS = 16;

let gpuOnce: Promise<{ backend: WebGpuBackend | null; reason: string | null }> | null = null;
let cpuOnce: Promise<Backend> | null = null;
let trainer: Trainer | null = null;
let playing: { abort: AbortController; done: Promise<void> } | null = null;
let benching: AbortController | null = null;

async function stop(): Promise<void> {
  playing?.abort.abort();
  await playing?.done;
}

/** The GPU, asked for once; without one, the reason. */
function openGpu(): NonNullable<typeof gpuOnce> {
  gpuOnce ??= webgpuBackend(navigator.gpu).then(
    (backend) => ({ backend, reason: null }),
    (error: unknown) => ({ backend: null, reason: error instanceof Error ? error.message : String(error) }),
  );
  return gpuOnce;
}

/** The CPU, with its threads, made once. */
function openCpu(): Promise<Backend> {
  cpuOnce ??= cpuBackend();
  return cpuOnce;
}

/** What may train: the one asked for where it is here, else all there are. */
async function candidatesFor(device: Device, gpu: WebGpuBackend | null): Promise<readonly Backend[]> {
  if (gpu && device === "webgpu") return [gpu];
  const cpu = await openCpu();
  return !gpu || device === "cpu" ? [cpu] : [gpu, cpu];
}

/** Files of public/data lie beside the page; the worker's own file lies in assets/. */
async function readData(file: string): Promise<Uint8Array> {
  const url = new URL(`${import.meta.env.DEV ? "/" : "../"}data/${file}`, self.location.href);
  const response = await fetch(url);
  if (!response.ok) throw new ChainruleError("file", `cannot fetch ${file}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

function ready(): Trainer {
  if (!trainer) throw new ChainruleError("usage", "nothing is set up yet");
  return trainer;
}

async function news(over: Partial<Progress> & { picture?: boolean }): Promise<Progress> {
  const { picture, ...rest } = over;
  const t = ready();
  let evaluation: Progress["evaluation"] = null;
  let boundary: Progress["boundary"] = null;
  if (picture) {
    const on = t.options.test ? "test" : "train";
    const found = await t.evaluate(on);
    evaluation = found ? { ...found, on } : null;
    boundary = boundaryOf(t.options.model, t.options.data, await t.parameters());
  }
  return {
    step: t.step,
    steps: [],
    losses: [],
    stepsPerSecond: 0,
    error: null,
    playing: playing !== null,
    evaluation,
    boundary,
    ...rest,
  };
}

async function train(listener: (p: Progress) => void, signal: AbortSignal): Promise<void> {
  const t = ready();
  let [steps, losses]: [number[], number[]] = [[], []];
  // The first step is shown at once; the first evaluation, whose kernels have to be compiled, comes a little later.
  let since = 0;
  let evaluated = performance.now() - EVALUATE_MS / 2;
  try {
    while (!signal.aborted) {
      for await (const m of t.run({ steps: 1_000_000_000, signal })) {
        steps.push(m.step);
        losses.push(m.loss);
        const now = performance.now();
        if (now - since < NEWS_MS) continue;
        const picture = now - evaluated > EVALUATE_MS;
        const stepsPerSecond = since === 0 ? 0 : (1000 * steps.length) / (now - since);
        listener(await news({ steps, losses, stepsPerSecond, picture }));
        [steps, losses] = [[], []];
        since = performance.now();
        if (picture) evaluated = since;
        // Comlink's messages (pause, reset) come between.
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
  } catch (error) {
    playing = null;
    listener(await news({ steps, losses, error: error instanceof Error ? error.message : String(error) }));
    return;
  }
  playing = null;
  listener(await news({ steps, losses, picture: true }));
}

const engine: Engine = {
  async configure(settings: Settings): Promise<RunInfo> {
    await stop();
    const split = await dataPreset(settings.data).load(readData, { seed: settings.seed });
    const model = modelOf(settings);
    const init = trainingPresets[settings.data]!.init;
    const options: TrainerOptions = {
      model,
      data: split.train,
      test: split.test,
      batch: settings.batch,
      seed: settings.seed,
      optimizer: { type: settings.optimizer, lr: settings.lr },
      ...(init ? { init } : {}),
    };
    const gpu = await openGpu();
    const candidates = await candidatesFor(settings.device, gpu.backend);
    const { trainer: next, measured } = await chooseTrainer(candidates, options);
    trainer?.dispose();
    trainer = next;
    const { kind, description } = next.backend;
    return {
      adapter: {
        kind,
        description,
        missing: gpu.reason,
        software: gpu.backend !== null && isSoftware(gpu.backend.description),
        measured: candidates.length > 1 ? measured : [],
      },
      rows: split.train.x.shape[0]!,
      testRows: split.test?.x.shape[0] ?? 0,
      parameters: parameterSpecs(model).reduce((sum, p) => sum + sizeOf(p.shape), 0),
      bytes: trainer.memory().liveBytes,
      batchRows: trainer.batchRows,
      stepsPerEpoch: trainer.stepsPerEpoch,
      classes: split.train.y.dtype === "i32" ? outputCount(split.train) : 0,
      points: samplePoints(split.train),
    };
  },

  async play(listener) {
    if (playing) return;
    const abort = new AbortController();
    const done = Promise.resolve().then(() => train(listener, abort.signal));
    playing = { abort, done };
  },
  pause: stop,

  async step() {
    await stop();
    const losses: number[] = [];
    for await (const m of ready().run({ steps: 1 })) losses.push(m.loss);
    return news({ steps: [ready().step], losses, picture: true });
  },

  async reset() {
    await stop();
    ready().reset();
    return news({ picture: true });
  },

  async gradients() {
    await stop();
    const { model, data, seed } = ready().options;
    const n = Math.min(CHECK_ROWS, data.x.shape[0]!);
    const [x, y] = [rows(data.x, 0, n), rows(data.y, 0, n)];
    // Checked on the GPU wherever there is one, whatever trains.
    const backend = (await openGpu()).backend ?? (await openCpu());
    return checkGradients({ model, weights: await ready().parameters(), x, y, backend, seed });
  },

  async benchmark(max, listener) {
    await stop();
    benching?.abort();
    const abort = new AbortController();
    benching = abort;
    const gpu = (await openGpu()).backend;
    const cpu = await openCpu();
    const pauseForMessages = () => new Promise((resolve) => setTimeout(resolve));
    try {
      for await (const product of benchMatmul({ gpu, cpu, sizes: productSizes(max), signal: abort.signal })) {
        listener({ product });
        await pauseForMessages();
      }
      const backends = gpu ? [gpu, cpu] : [cpu];
      for await (const step of benchSteps({ backends, sizes: stepSizes(max), signal: abort.signal })) {
        listener({ step });
        await pauseForMessages();
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
  },
  cancelBenchmark() {
    benching?.abort();
  },
};

expose(engine);
