/** Results go to stdout, everything else to stderr. */

/** Ends cleanly when the reader of our output has gone: `chainrule ... | head`. */
export function quietPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
}

/** When a slow reader has taken all that was written: `process.exit` would cut it off. */
export async function drained(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => {
      stream.write("", () => resolve());
    });
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string): void {
  clearProgress();
  process.stderr.write(`${line}\n`);
}

let progressShown = false;

/** A line that is written over by the next; only where a person watches. */
export function progress(line: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  progressShown = true;
}

/** Seconds of silence that a log may show. */
const SILENCE_S = 10;

/** Progress of work that may take minutes: for a person as always, for a log a line every ten seconds. */
export function everySoOften(): (line: string) => void {
  let last = performance.now();
  return (line) => {
    progress(line);
    if (process.stderr.isTTY || performance.now() < last + 1000 * SILENCE_S) return;
    last = performance.now();
    note(line);
  };
}

export function clearProgress(): void {
  if (progressShown) process.stderr.write("\r\x1b[K");
  progressShown = false;
}

/** Columns padded to their widest cell; the first is left-aligned, the others right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, c) => Math.max(...all.map((r) => r[c]?.length ?? 0)));
  const line = (r: readonly string[]) =>
    r
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((w) => "-".repeat(w)).join("  "), ...rows.map(line)].join("\n");
}
