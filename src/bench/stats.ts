/** Times of repeated samples, in milliseconds. */
export interface Timing {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

export function timing(samples: readonly number[]): Timing {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    median: sorted[sorted.length >> 1]!,
    low: sorted[0]!,
    high: sorted.at(-1)!,
    samples: sorted.length,
  };
}

/**
 * Times `work(n)`, which does something n times and resolves when it is done: one warm-up, then `samples` samples, each
 * of as many repetitions as fill `sampleMs`. Returns milliseconds of one repetition.
 */
export async function measure(
  work: (n: number) => Promise<void>,
  options: { readonly samples?: number; readonly sampleMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Timing> {
  const { samples = 7, sampleMs = 60, signal } = options;
  let n = 1;
  let ms = 0;
  await work(1);
  for (;;) {
    signal?.throwIfAborted();
    const start = performance.now();
    await work(n);
    ms = performance.now() - start;
    if (ms >= sampleMs / 2 || n >= 1 << 20) break;
    n = Math.min(1 << 20, Math.max(n * 2, Math.ceil((n * sampleMs) / Math.max(ms, 0.01) / 2)));
  }
  const times = [ms / n];
  while (times.length < samples) {
    signal?.throwIfAborted();
    const start = performance.now();
    await work(n);
    times.push((performance.now() - start) / n);
  }
  return timing(times);
}
