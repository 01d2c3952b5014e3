import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { STREAM, uniform } from "../../src/core/philox.ts";
import { chainrule, type Result } from "./command.ts";

/** A training command that is killed now and then: its arguments, without those that say where results go. */
export interface Target {
  readonly args: readonly string[];
  /** Steps between two checkpoints. */
  readonly every: number;
  /** An empty folder to work in. */
  readonly folder: string;
  /** Kills come within so many milliseconds of the first step that is taken. */
  readonly within: number;
  readonly seed: number;
}

export interface Fire {
  readonly kills: number;
  /** Kills that left a half-written file: they came while a checkpoint was being written. */
  readonly whileWriting: number;
  /** Kills that came before the process had gone on from its checkpoint. */
  readonly whileStarting: number;
  /** Runs that reached their end, each killed many times. */
  readonly runs: number;
}

/**
 * Trains once undisturbed, then over and over with SIGKILL at random moments, going on each time from the checkpoint,
 * until there were `kills`. Throws where a run does not end with the same weights and the same log, byte for byte.
 */
export async function killAndCompare(
  target: Target,
  kills: number,
  tell: (line: string) => void = () => {},
): Promise<Fire> {
  const { folder } = target;
  const path = (name: string): string => join(folder, name);
  await mustEnd(life([...target.args, "--save", path("whole.safetensors"), "--log", path("whole.jsonl")]));
  const fire = { kills: 0, whileWriting: 0, whileStarting: 0, runs: 0 };
  while (fire.kills < kills || fire.runs === 0) {
    const store = path("store");
    const files = ["--save", path("killed.safetensors"), "--log", path("killed.jsonl")];
    const args = [...target.args, ...files, "--checkpoint", store, "--every", String(target.every)];
    let begun = false;
    for (;;) {
      const all = begun ? [...args, "--resume", store] : args;
      if (fire.kills >= kills) {
        await mustEnd(life(all));
        break;
      }
      const wait = target.within * uniform(target.seed, STREAM.check, 0, fire.kills);
      const { status, err } = await life(all, wait);
      if (status === 0) break;
      if (status !== null) throw new Error(`a killed run did not go on: ${err}`);
      fire.kills++;
      if (!/parameters, /.test(err)) fire.whileStarting++;
      const left = safeList(store);
      if (left.some((name) => name.endsWith(".part"))) fire.whileWriting++;
      begun ||= left.some((name) => name.endsWith(".safetensors"));
      tell(`kill ${fire.kills} after ${Math.round(wait)} ms: ${left.join(" ")}`);
    }
    for (const kind of ["safetensors", "jsonl"]) {
      const [whole, killed] = [readFileSync(path(`whole.${kind}`)), readFileSync(path(`killed.${kind}`))];
      if (!whole.equals(killed)) throw new Error(`after ${fire.kills} kills ${kind} of run ${fire.runs + 1} differs`);
      rmSync(path(`killed.${kind}`));
    }
    rmSync(store, { recursive: true });
    fire.runs++;
  }
  return fire;
}

function safeList(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function mustEnd(run: Promise<Result>): Promise<void> {
  const { status, err } = await run;
  if (status !== 0) throw new Error(`a run that nobody disturbed ended with ${status}: ${err}`);
}

/** One process, killed `killAfter` milliseconds after it has opened its device, or left alone. */
async function life(args: readonly string[], killAfter?: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const result = await chainrule(["train", ...args], {
    // "backend: ..." comes just before a checkpoint is taken up and the first one written.
    on(child, _out, err) {
      if (killAfter !== undefined && /^backend:/m.test(err))
        timer ??= setTimeout(() => child.kill("SIGKILL"), killAfter);
    },
  });
  clearTimeout(timer);
  return result;
}
