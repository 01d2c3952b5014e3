import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const STDERR = 2;
const APPEND = constants.O_WRONLY | constants.O_APPEND;
/** How often to try for the number: another thread may have opened a file in between. */
const ATTEMPTS = 100;

/**
 * Runs `body` and keeps the lines that native code writes to stderr meanwhile. Linux only, and not where stderr is a
 * socket: there nothing is kept back. `body` must do its work before it returns; what it throws comes after its lines.
 */
export function keepingStderr<T>(body: () => T): { readonly result: T; readonly lines: readonly string[] } {
  const saved = reopened(STDERR);
  if (saved === null) return { result: body(), lines: [] };
  const path = join(tmpdir(), `chainrule-stderr-${process.pid}-${Date.now()}`);
  const restored = (): readonly string[] => {
    replaceStderr(`/proc/self/fd/${saved}`, APPEND);
    closeSync(saved);
    const lines = readFileSync(path, "utf8").split("\n");
    rmSync(path, { force: true });
    return lines.filter((line) => line !== "");
  };
  let result: T;
  try {
    replaceStderr(path, APPEND | constants.O_CREAT);
    result = body();
  } catch (error) {
    writeLines(restored());
    throw error;
  }
  return { result, lines: restored() };
}

/** Lines to stderr, at once. */
export function writeLines(lines: readonly string[]): void {
  for (const line of lines) writeSync(STDERR, `${line}\n`);
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
