import { existsSync, fsyncSync, openSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { referenceBackend } from "../backend/reference/executor.ts";
import { ChainruleError } from "../core/errors.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import type { Checkpoint } from "../io/checkpoint/checkpoint.ts";
import { diskStore } from "../io/checkpoint/disk-store.ts";
import type { Packed } from "../io/checkpoint/packed.ts";
import { type RunIdentity, requireSameRun, runIdentity } from "../io/checkpoint/run-identity.ts";
import { Checkpoints } from "../io/checkpoint/slots.ts";
import { writeWhole } from "../io/node-files.ts";
import type { ValidationWatch, WatchMemory } from "../train/evaluation/validation.ts";
import { resolveOptions, type TrainerOptions } from "../train/run/options.ts";
import type { Trainer } from "../train/trainer.ts";
import { differenceOf, namesOf } from "./learned-names.ts";
import { note } from "./output.ts";

/** Time between two checkpoints where --every does not count steps: what a crash may cost at most. */
const EVERY_MS = 30_000;
/** And at least so many times what the last one took: writing never becomes a tenth of the run. */
const PAUSE_SHARE = 10;

export interface CheckpointPlan {
  /** Folder to keep checkpoints in, and steps between two of them; undefined for a time. */
  readonly checkpoint: string | undefined;
  readonly every: number | undefined;
  /** Folder to go on from. */
  readonly resume: string | undefined;
}

/** What a run begins from, and where its checkpoints go. */
export interface OpenedCheckpoints {
  readonly from: Checkpoint | null;
  readonly into: Checkpoints | null;
}

/** Opens both folders, and refuses before any work what would lose a checkpoint or has none. */
export async function openCheckpoints({ checkpoint, resume }: CheckpointPlan): Promise<OpenedCheckpoints> {
  let source: Checkpoints | null = null;
  if (resume !== undefined) {
    if (!statSync(resume, { throwIfNoEntry: false })?.isDirectory()) {
      throw new ChainruleError("file", `cannot resume from ${resume}: there is no such folder`);
    }
    source = await Checkpoints.open(diskStore(resume));
    const reasons = source.refused.map(({ slot, reason }) => `slot ${slot}: ${reason}`).join("; ");
    if (!source.found) {
      throw new ChainruleError(
        "file",
        `cannot resume from ${resume}: it holds no checkpoint${reasons && ` (${reasons})`}`,
      );
    }
    if (reasons) note(`${resume}: ${reasons}; the checkpoint of step ${source.step} is used`);
  }
  if (checkpoint === undefined) return { from: source?.found ?? null, into: null };
  if (source && resolve(checkpoint) === resolve(resume!)) return { from: source.found, into: source };
  const into = await Checkpoints.open(diskStore(checkpoint));
  if (!into.empty) {
    const what = into.found ? `a checkpoint of step ${into.step}` : "files that are no checkpoint of this version";
    throw new ChainruleError(
      "usage",
      `${checkpoint} holds ${what}: go on from it with --resume ${checkpoint}, or name another folder for --checkpoint`,
    );
  }
  return { from: source?.found ?? null, into };
}

/** What lies beside a run's state: its names, and what a run with early stopping has seen. */
export interface Beside {
  readonly names?: ReturnType<typeof namesOf>;
  readonly watch?: WatchMemory;
}

/** Throws ChainruleError "file" where rows of the same numbers have other names: classes that were renamed are others. */
function requireSameNames(from: Checkpoint, preprocessing: Preprocessing): void {
  const { names = {} } = (from.extra ?? {}) as Beside;
  for (const [what, here] of Object.entries(namesOf(preprocessing))) {
    const was = names[what];
    const difference = was && here && differenceOf(was, here);
    if (!difference) continue;
    const [old, now] = difference;
    const way = "train with the names that it learned, or begin anew with --weights from what --save wrote";
    throw new ChainruleError("file", `the checkpoint is of another run: its ${what} are ${old}, these ${now}; ${way}`);
  }
}

/** Refuses a checkpoint of another run before a device is opened; what a device adds to the options decides no step. */
export async function requireRun(
  from: Checkpoint,
  options: TrainerOptions,
  preprocessing: Preprocessing,
  steps: number,
): Promise<void> {
  requireSameNames(from, preprocessing);
  requireSameRun(from.run, await runIdentity(await resolveOptions(options, referenceBackend("f32"))));
  const { step } = from.state;
  if (step > steps) {
    throw new ChainruleError("usage", `the checkpoint is at step ${step}, the run ends at ${steps}: give more --steps`);
  }
}

/** Puts the trainer at the checkpoint's step, and says so. */
export function goOn(trainer: Trainer, from: Checkpoint): void {
  trainer.restore(from.state);
  note(`going on from step ${trainer.stepsTaken}`);
  if (from.device.description !== trainer.backend.description) {
    note(`the checkpoint was taken on ${from.device.description}: steps may differ from its in their last bits`);
  }
}

export function recall(watch: ValidationWatch, from: Checkpoint | null): void {
  const { watch: memory } = (from?.extra ?? {}) as Beside;
  if (memory) watch.memory = memory;
}

/** Opens the log. Where a run goes on, lines behind the checkpoint are cut off: their steps are taken again. */
export function openLog(path: string, from: Checkpoint | null): number {
  if (!from || !existsSync(path)) return openSync(path, "w");
  const lines = readFileSync(path, "utf8").split("\n");
  const kept = lines.filter((line) => isBefore(line, from.state.step));
  writeWhole(path, kept.map((line) => `${line}\n`).join(""));
  return openSync(path, "a");
}

/** Whether a line was written before the checkpoint: steps up to its own; evaluations there are made again. */
function isBefore(line: string, step: number): boolean {
  try {
    const { step: at, evaluation } = JSON.parse(line) as { step?: unknown; evaluation?: unknown };
    return typeof at === "number" && (evaluation === undefined ? at <= step : at < step);
  } catch {
    return false; // the last line of a process that was killed
  }
}

/** Keeps checkpoints of a run. A part of the run ends where one is due, so that a state has exactly the steps logged. */
export class Keeper {
  private savedAt = performance.now();
  private pause = EVERY_MS;

  private constructor(
    private readonly trainer: Trainer,
    private readonly checkpoints: Checkpoints,
    private readonly run: RunIdentity,
    private readonly every: number | undefined,
    private readonly log: number | null,
    private readonly preprocessing: Preprocessing,
  ) {}

  /** Begins with a checkpoint of where the run stands, unless that is what it came from: then it is known to work. */
  static async begin(
    trainer: Trainer,
    checkpoints: Checkpoints,
    every: number | undefined,
    log: number | null,
    preprocessing: Preprocessing,
  ): Promise<Keeper> {
    const keeper = new Keeper(trainer, checkpoints, await runIdentity(trainer.options), every, log, preprocessing);
    if (checkpoints.step !== trainer.stepsTaken) await checkpoints.save(trainer, keeper.run, keeper.beside(null));
    return keeper;
  }

  private beside(watch: ValidationWatch | null): Packed {
    const beside: Beside = { names: namesOf(this.preprocessing), ...(watch ? { watch: watch.memory } : {}) };
    return beside as unknown as Packed;
  }

  /** Steps that may be taken until the next checkpoint. */
  get stepsLeft(): number {
    return this.every === undefined ? Number.POSITIVE_INFINITY : this.every - (this.trainer.stepsTaken % this.every);
  }

  private get due(): boolean {
    if (this.every !== undefined) return this.trainer.stepsTaken % this.every === 0;
    return performance.now() - this.savedAt >= this.pause;
  }

  /** Calls `stop` when the time for the next checkpoint has come; give back what this gives to be rid of it. */
  alarm(stop: () => void): NodeJS.Timeout | undefined {
    if (this.every !== undefined) return undefined;
    return setTimeout(stop, Math.max(0, this.pause - (performance.now() - this.savedAt)));
  }

  /**
   * Saves where a checkpoint is due, or at once; what goes wrong is said, and the run goes on. What `watch` has seen lies
   * beside the state, so that a run with early stopping goes on waiting where it was.
   */
  async save(when: "due" | "now", watch: ValidationWatch | null): Promise<void> {
    if ((when === "due" && !this.due) || this.checkpoints.step === this.trainer.stepsTaken) return;
    const start = performance.now();
    try {
      // The log must reach at least as far as the checkpoint, even when the power fails.
      if (this.log !== null) fsyncSync(this.log);
      await this.checkpoints.save(this.trainer, this.run, this.beside(watch));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      note(
        `no checkpoint at step ${this.trainer.stepsTaken}: ${message}; the one of step ${this.checkpoints.step} stays`,
      );
    }
    this.savedAt = performance.now();
    this.pause = Math.max(EVERY_MS, PAUSE_SHARE * (this.savedAt - start));
  }
}
