import { throwIfAborted } from "../core/abort.ts";
/** Times of repeated samples, in milliseconds. */
export interface Timing {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
  /** Every sample, in the order of measuring. */
  readonly all: readonly number[];
}

export function timing(samples: readonly number[]): Timing {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    median: sorted[sorted.length >> 1]!,
    low: sorted[0]!,
    high: sorted.at(-1)!,
    samples: sorted.length,
    all: samples,
  };
}

export interface MeasureOptions {
  readonly samples?: number;
  /** Time that one sample should take, by its number of repetitions. */
  readonly sampleMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Does something n times and resolves when it is done. */
export type Work = (n: number) => Promise<void>;

/** Milliseconds of one repetition of `work`: one warm-up, then samples of as many repetitions as fill `sampleMs`. */
export async function measure(work: Work, options: MeasureOptions = {}): Promise<Timing> {
  return (await measureInTurns([work], options))[0]!;
}

/**
 * Times contestants side by side: each is warmed up and gets its own number of repetitions; then every round takes one
 * sample of each, forward in one round and backward in the next, so that what disturbs the machine disturbs them alike.
 */
export async function measureInTurns(
  contestants: readonly Work[],
  { samples = 7, sampleMs = 60, signal }: MeasureOptions = {},
): Promise<readonly Timing[]> {
  const counts: number[] = [];
  for (const work of contestants) counts.push(await repetitions(work, sampleMs, signal));
  const times: number[][] = contestants.map(() => []);
  const order = contestants.map((_, i) => i);
  for (let round = 0; round < samples; round++) {
    for (const i of round % 2 === 0 ? order : [...order].reverse()) {
      throwIfAborted(signal);
      const start = performance.now();
      await contestants[i]!(counts[i]!);
      times[i]!.push((performance.now() - start) / counts[i]!);
    }
  }
  return times.map(timing);
}

const MOST_REPETITIONS = 1 << 20;

/** How many repetitions fill `sampleMs`, found by running them: the warm-up. */
async function repetitions(work: Work, sampleMs: number, signal: AbortSignal | undefined): Promise<number> {
  await work(1);
  let n = 1;
  for (;;) {
    throwIfAborted(signal);
    const start = performance.now();
    await work(n);
    const ms = performance.now() - start;
    if (ms >= sampleMs / 2 || n >= MOST_REPETITIONS) return n;
    n = Math.min(MOST_REPETITIONS, Math.max(n * 2, Math.ceil((n * sampleMs) / Math.max(ms, 0.01) / 2)));
  }
}
