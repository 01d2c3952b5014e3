import type { Page } from "playwright-core";
import { type Timing, timing } from "../../src/bench/stats.ts";
import type { StepUse } from "./page/peer.ts";
import type { ContestantName, Task } from "./tasks.ts";

/** One contestant at one task: timed, or the reason why not. */
export interface Cell {
  readonly contestant: ContestantName;
  /** Setting up, compiling and the first run, with its readback. */
  readonly firstMs: number | null;
  readonly ms: Timing | null;
  readonly error: string | null;
  /** True when it ran but its result was wrong. */
  readonly wrong: boolean;
  /** What a step took of the device; null where that is not counted. */
  readonly use: StepUse | null;
}

export interface RunOptions {
  readonly rounds: number;
  readonly sampleMs: number;
  /** A contestant whose samples have taken so long together takes no more, once it has three. */
  readonly budgetMs: number;
  /** Longest wait for one call into a page, in milliseconds. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * One task: every contestant is set up and checked against f64, then rounds take one sample of each in alternating
 * order, so that whatever else the machine does meets all of them.
 */
export async function runTask(
  pages: ReadonlyMap<ContestantName, Page>,
  task: Task,
  { rounds, sampleMs, budgetMs, limitMs, signal }: RunOptions,
): Promise<readonly Cell[]> {
  const cells = new Map<ContestantName, Cell>();
  const ready: { name: ContestantName; page: Page; count: number; times: number[] }[] = [];
  const firsts = new Map<ContestantName, number>();
  const uses = new Map<ContestantName, StepUse | null>();
  const fail = (contestant: ContestantName, error: unknown, wrong = false): void => {
    const message = (error instanceof Error ? error.message : String(error)).replace(/^page\.evaluate: /, "");
    const firstMs = firsts.get(contestant) ?? null;
    cells.set(contestant, { contestant, firstMs, ms: null, error: message.split("\n")[0]!, wrong, use: null });
  };
  for (const [name, page] of pages) {
    signal.throwIfAborted();
    try {
      const reference = task.kind === "training" ? `reference/${encodeURIComponent(task.name)}` : null;
      const prepare = page.evaluate(([t, r]) => globalThis.peers.prepare(t, r), [task, reference] as const);
      const { firstMs, error, use } = await within(prepare, limitMs);
      firsts.set(name, firstMs);
      uses.set(name, use);
      if (error) fail(name, error, true);
      else ready.push({ name, page, count: await repetitions(page, sampleMs, limitMs), times: [] });
    } catch (error) {
      fail(name, error);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const c of round % 2 === 0 ? ready : [...ready].reverse()) {
      signal.throwIfAborted();
      const spent = c.times.reduce((sum, ms) => sum + ms * c.count, 0);
      if (cells.has(c.name) || (c.times.length >= 3 && spent > budgetMs)) continue;
      try {
        c.times.push((await within(sample(c.page, c.count), limitMs)) / c.count);
      } catch (error) {
        fail(c.name, error);
      }
    }
  }
  for (const { name, times } of ready) {
    if (cells.has(name)) continue;
    const firstMs = firsts.get(name) ?? null;
    cells.set(name, {
      contestant: name,
      firstMs,
      ms: timing(times),
      error: null,
      wrong: false,
      use: uses.get(name) ?? null,
    });
  }
  for (const page of pages.values()) await page.evaluate(() => globalThis.peers.dispose()).catch(() => undefined);
  return [...pages.keys()].map((name) => cells.get(name)!);
}

const sample = (page: Page, n: number): Promise<number> => page.evaluate((count) => globalThis.peers.sample(count), n);

/** How many repetitions fill `sampleMs`: the warm-up. */
async function repetitions(page: Page, sampleMs: number, limitMs: number): Promise<number> {
  for (let n = 1; ; ) {
    const ms = await within(sample(page, n), limitMs);
    if (ms >= sampleMs / 2 || n >= 65536) return n;
    n = Math.min(65536, Math.max(2 * n, Math.ceil((n * sampleMs) / 2 / Math.max(ms, 0.05))));
  }
}

/** `work`, or an error after `ms` milliseconds. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
