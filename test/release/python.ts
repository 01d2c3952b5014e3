import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runIn } from "../shared/program.ts";

/** The interpreter that has numpy (and PyTorch); PYTHON names another. */
export const python = process.env.PYTHON ?? "python3";

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export function runPython(args: readonly string[], cwd: string): Ran {
  const { status, stdout, stderr, error } = spawnSync(python, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (error) throw error;
  return { status, out: stdout, err: stderr };
}

/** Processes side by side, in the environment that torchrun gives them. */
export async function runProcesses(count: number, args: readonly string[], cwd: string): Promise<Ran> {
  const together = { WORLD_SIZE: `${count}`, MASTER_ADDR: "127.0.0.1", MASTER_PORT: "29533", OMP_NUM_THREADS: "1" };
  const one = (rank: number): Promise<Ran> =>
    runIn(cwd, python, args, { ...process.env, ...together, RANK: `${rank}`, LOCAL_RANK: `${rank}` });
  const all = await Promise.all(Array.from({ length: count }, (_, rank) => one(rank)));
  return all.find(({ status }) => status !== 0) ?? all[0]!;
}

/** A folder that is gone afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "chainrule-release-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function writeFiles(folder: string, files: Iterable<readonly [string, string | Uint8Array]>): void {
  for (const [name, content] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Counts what went wrong, and says so at the end by the exit status. */
export class Verdict {
  private failures = 0;
  private cases = 0;

  say(name: string, fine: boolean, what: string): void {
    this.cases++;
    if (!fine) this.failures++;
    console.log(`${fine ? "ok  " : "FAIL"}  ${name.padEnd(44)} ${what}`);
  }

  end(): never {
    console.log(`${this.cases} cases, ${this.failures} failed`);
    process.exit(this.failures > 0 || this.cases === 0 ? 1 : 0);
  }
}
