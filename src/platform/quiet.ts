import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STDERR = 2;
const APPEND = constants.O_WRONLY | constants.O_APPEND;
/** How often to try for the number: another thread may have opened a file in between. */
const ATTEMPTS = 100;

/**
 * Runs `body` with what native code writes to stderr meanwhile passed through `keep`, which says whether a line stays.
 * Linux only, and not where stderr is a socket: there nothing is kept back. `body` must do its work before it returns.
 */
export function filteringStderr<T>(keep: (line: string) => boolean, body: () => T): T {
  const saved = reopened(STDERR);
  if (saved === null) return body();
  const path = join(tmpdir(), `chainrule-stderr-${process.pid}-${Date.now()}`);
  try {
    replaceStderr(path, APPEND | constants.O_CREAT);
    return body();
  } finally {
    replaceStderr(`/proc/self/fd/${saved}`, APPEND);
    closeSync(saved);
    const kept = readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "" && keep(line));
    rmSync(path, { force: true });
    for (const line of kept) writeSync(STDERR, `${line}\n`);
  }
}

/** Another descriptor of what stderr is; null where it cannot be had, or a lower number is free. */
function reopened(fd: number): number | null {
  if (process.platform !== "linux") return null;
  try {
    const other = openSync(`/proc/self/fd/${fd}`, APPEND);
    if (other > fd) return other;
    closeSync(other);
    return null;
  } catch {
    return null;
  }
}

/** Node has no dup2: a number that was closed is the lowest that is free, and the next to be given. */
function replaceStderr(path: string, flags: number): void {
  closeSync(STDERR);
  for (let i = 0; i < ATTEMPTS; i++) {
    const fd = openSync(path, flags, 0o600);
    if (fd === STDERR) return;
    closeSync(fd);
  }
}
