import { join } from "node:path";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { diskStore, requireStore } from "../../src/io/checkpoint/disk-store.ts";
import { runIdentity } from "../../src/io/checkpoint/run-identity.ts";
import { Checkpoints, restoreCheckpoint } from "../../src/io/checkpoint/slots.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { ValidationWatch } from "../../src/train/evaluation/validation.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { asDispatches } from "../shared/gpu.ts";
import { allowed, planned } from "../shared/planned-memory.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

/** Memory, in bytes, and speed at one moment. */
export interface Sample {
  readonly seconds: number;
  readonly step: number;
  readonly stepsPerSecond: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly live: number;
  /** What the plan says without readings that are on their way. */
  readonly plan: number;
  readonly buffers: number;
  /** Devices lost so far. */
  readonly losses: number;
  /** Which kind of run it was at. */
  readonly kind: string;
}

export interface Soaked {
  readonly samples: readonly Sample[];
  readonly faults: string[];
  readonly totals: string;
}

const SAMPLE_MS = 1000;
/** A device is lost so often, and at least so many times. */
const LOSS_MS = 120_000;
const LEAST_LOSSES = 6;
const ROUNDS = 6;
/** Steps that a checkpoint and the run that it is of take side by side. */
const COMPARED = 50;
const MOST_FAULTS = 20;

const data = ring(400);
const kinds: readonly { name: string; onChip: boolean; every: number; log: number; options: TrainerOptions }[] = [
  {
    name: "by dispatches",
    onChip: false,
    every: 200,
    log: 5,
    options: { model: mixedNet, data, test: ring(150, 9), batch: 25, clip: 1, seed: 3, ema: { decay: 0.99 } },
  },
  {
    name: "on the chip",
    onChip: true,
    every: 20_000,
    log: 500,
    options: { model: smallNet, data, test: ring(150, 9), batch: 16, seed: 4 },
  },
];

/** Rounds of a run each, in turn of each kind, on one backend whose device is lost now and then. */
export async function soak(given: { minutes: number; warmUp: number; folder: string; gpu: GPU }): Promise<Soaked> {
  const ms = 60_000 * given.minutes;
  const start = performance.now();
  const lossMs = Math.min(LOSS_MS, ms / LEAST_LOSSES);
  const gpu = await webgpuBackend(given.gpu);
  const samples: Sample[] = [];
  const faults: string[] = [];
  const counts = { losses: 0, recoveries: 0, steps: 0, saves: 0, validations: 0 };
  const fault = (text: string): void => {
    if (faults.length < MOST_FAULTS) faults.push(`${((performance.now() - start) / 1000).toFixed(0)} s: ${text}`);
  };
  let lossAt = lossMs / 4;

  async function round(number: number, end: number): Promise<void> {
    const { name, onChip, every, log, options } = kinds[number % kinds.length]!;
    const backend = onChip ? gpu : asDispatches(gpu);
    const open = (): Promise<Trainer> =>
      createTrainer(backend, options, {
        onEvent: (e) => {
          if (e.kind === "recovered") counts.recoveries++;
        },
      });
    const trainer = await open();
    const plan = await planned(trainer, gpu, onChip);
    const asPlanned = allowed(plan);
    /** What evaluations and predictions have of their own, once they were asked for: gone with a device. */
    let extra = 0;
    let [sampledAt, sampledStep] = [performance.now(), 0];
    const look = (): void => {
      const now = performance.now();
      const { liveBytes: live, buffers } = trainer.memory();
      const bare = asPlanned.has(live);
      if (!bare && !asPlanned.has(live - extra)) {
        fault(`${name}, step ${trainer.stepsTaken}: ${live} bytes live, ${plan.resident} + ${extra} planned`);
      }
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      const step = trainer.stepsTaken;
      const stepsPerSecond = (1000 * (step - sampledStep)) / (now - sampledAt);
      const seconds = (now - start) / 1000;
      const planNow = plan.resident + (bare ? 0 : extra);
      samples.push({
        seconds,
        step,
        stepsPerSecond,
        rss,
        heapUsed,
        external,
        live,
        plan: planNow,
        buffers,
        losses: counts.losses,
        kind: name,
      });
      [sampledAt, sampledStep] = [now, step];
    };
    const folder = join(given.folder, `run-${number}`);
    requireStore(folder);
    const checkpoints = await Checkpoints.open(diskStore(folder));
    const identity = await runIdentity(trainer.options);
    const watch = new ValidationWatch(trainer, { every, on: "test" });
    const { x } = ring(40);
    const ask = async (): Promise<void> => {
      await trainer.evaluate("train");
      await watch.validate();
      await trainer.predict(x);
      await trainer.state();
      counts.validations++;
    };
    while (performance.now() < end) {
      for await (const m of trainer.run({ steps: watch.stepsLeft, logEvery: log })) {
        if (performance.now() - sampledAt >= SAMPLE_MS) look();
        if (performance.now() - start > lossAt) {
          const warm = performance.now() - start > given.warmUp * ms;
          lossAt = performance.now() - start + (warm ? lossMs : lossMs / 4);
          counts.losses++;
          gpu.gpu.device.destroy();
        }
        if (!Number.isFinite(m.loss)) fault(`${name}, step ${m.step}: the loss is ${m.loss}`);
        // A run that is left goes on from where its device is.
        if (performance.now() >= end) break;
      }
      const before = trainer.memory().liveBytes;
      const lostBefore = counts.recoveries;
      await ask();
      if (counts.recoveries > lostBefore) {
        // The loss was noticed at one of the questions: those before it were answered by a device that is gone.
        await ask();
        const live = trainer.memory().liveBytes;
        if (extra === 0) extra = live - plan.resident;
        if (!asPlanned.has(live - extra)) fault(`${name}: ${live} bytes live after evaluations on a new device`);
      } else {
        // Asked for the first time since a device was new, they add what is theirs; after that nothing.
        const grown = trainer.memory().liveBytes - before;
        if (asPlanned.has(before) && grown > 0) {
          if (extra > 0 && grown !== extra) fault(`${name}: evaluations added ${grown} bytes, ${extra} the first time`);
          extra = grown;
        } else if (grown !== 0) fault(`${name}: evaluations added ${grown} bytes again`);
      }
      await checkpoints.save(trainer, identity);
      counts.saves++;
    }
    counts.steps += trainer.stepsTaken;
    await sameFromCheckpoint(trainer, open, folder).catch((error) => fault(`${name}: ${error}`));
    trainer.dispose();
    const { liveBytes } = trainer.memory();
    if (liveBytes !== 0 || gpu.gpu.executors.size !== 0) {
      fault(`${name}: ${liveBytes} bytes and ${gpu.gpu.executors.size} executors after dispose`);
    }
  }

  for (let n = 0; n < ROUNDS; n++) await round(n, start + (ms * (n + 1)) / ROUNDS);
  gpu.dispose();
  if (counts.recoveries < counts.losses) fault(`${counts.losses} devices lost, ${counts.recoveries} recoveries`);
  const { steps, losses, recoveries, validations, saves } = counts;
  const totals = `${ROUNDS} runs, ${steps} steps, ${losses} devices lost, ${recoveries} recoveries, ${validations} validations, ${saves} checkpoints`;
  return { samples, faults, totals };
}

/** The trainer goes on as one does that begins from its newest checkpoint. */
async function sameFromCheckpoint(trainer: Trainer, open: () => Promise<Trainer>, folder: string): Promise<void> {
  const losses = async (t: Trainer): Promise<string> => {
    const out: number[] = [];
    for await (const m of t.run({ steps: COMPARED })) out.push(m.loss);
    return JSON.stringify(out);
  };
  const { found } = await Checkpoints.open(diskStore(folder));
  const other = await open();
  try {
    await restoreCheckpoint(other, found!);
    if (other.stepsTaken !== trainer.stepsTaken) throw new Error("the newest checkpoint is not of the last step");
    if ((await losses(other)) !== (await losses(trainer)))
      throw new Error("a checkpoint goes on otherwise than its run");
  } finally {
    other.dispose();
  }
}
