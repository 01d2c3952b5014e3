import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";
import { times } from "../shared/thorough.ts";
import { beginWorkerWith } from "../shared/worker.ts";

/**
 * What becomes of a page that nobody looks at: it is hidden, its timers are throttled, its processor is slow, it is
 * stopped altogether and resumed. The run waits or goes on; its losses are those of a page left alone.
 */
const s = studio({ pace: 0 });

const beyond = (step: number): Promise<unknown> =>
  s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
    step,
    { timeout: 60_000, polling: 100 },
  );

/** The memory that the page shows is constant, and nothing is complained of, while something happens to it. */
async function unharmed(work: () => Promise<void>): Promise<void> {
  const before = await s.text("#memory");
  expect(before).toMatch(/\d/);
  await work();
  expect(await s.text("#memory")).toBe(before);
  expect(await s.page.locator("#problem").count()).toBe(0);
  expect(await s.page.locator("#recovery").count()).toBe(0);
}

/** Losses so far, by step, and the last step. */
async function pausedLosses(): Promise<{ losses: Map<number, number>; last: number }> {
  await s.paused();
  const losses = await s.lossAt();
  return { losses, last: Math.max(...losses.keys()) };
}

async function requireSame(disturbed: ReadonlyMap<number, number>, alone: ReadonlyMap<number, number>): Promise<void> {
  const both = [...disturbed.keys()].filter((step) => alone.has(step));
  expect(both.length).toBeGreaterThan(40);
  for (const step of both) expect(disturbed.get(step), `step ${step}`).toBe(alone.get(step));
}

const reached = (step: number): Promise<unknown> =>
  s.page.waitForFunction((n) => (window.chainrule.curve.steps.at(-1) ?? 0) >= n, step, { timeout: 120_000 });

/** The same run from its beginning, in the same page, left alone. */
async function asLeftAlone(): Promise<void> {
  const { losses, last } = await pausedLosses();
  await s.page.click("#reset");
  await s.page.waitForFunction(() => window.chainrule.curve.losses.length === 0);
  await s.page.click("#play");
  await reached(last);
  await requireSame(losses, (await pausedLosses()).losses);
}

/** Processes of the browser that show pages and run their workers, by the browser's word. */
async function renderers(): Promise<number[]> {
  const session = await s.page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = (await session.send("SystemInfo.getProcessInfo")) as {
    processInfo: { type: string; id: number }[];
  };
  await session.detach();
  return processInfo.filter((p) => p.type === "renderer").map((p) => p.id);
}

const STOPPED_MS = 2000;

// One as fast as it goes, with all that may be on its way then.
for (const [device, pace] of [
  ["webgpu", 0],
  ["cpu", 100],
] as const) {
  test(`frozen and resumed it goes on where it was: ${device}`, async () => {
    await s.open(`data=spirals&device=${device}`, pace);
    await s.trained(50);
    await s.page.evaluate(() => {
      const seen = { longest: 0, last: performance.now() };
      Object.assign(window, { seen });
      setInterval(() => {
        const now = performance.now();
        seen.longest = Math.max(seen.longest, now - seen.last);
        seen.last = now;
      }, 10);
    });
    const session = await s.page.context().newCDPSession(s.page);
    await unharmed(async () => {
      for (let i = 0; i < times(1, 2); i++) {
        const step = await s.stepCount();
        // A browser freezes only tabs that it hides, and one without windows hides none: its processes are stopped, too.
        await session.send("Page.setWebLifecycleState", { state: "frozen" });
        const stopped = await renderers();
        expect(stopped.length).toBeGreaterThan(0);
        for (const id of stopped) process.kill(id, "SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
        for (const id of stopped) process.kill(id, "SIGCONT");
        await session.send("Page.setWebLifecycleState", { state: "active" });
        await beyond(step + 20);
      }
    });
    const longest = await s.page.evaluate(() => (window as unknown as { seen: { longest: number } }).seen.longest);
    expect(longest, "the page stood still").toBeGreaterThan(0.9 * STOPPED_MS);
    await asLeftAlone();
  }, 240_000);
}

test("on a processor twenty times slower it goes on", async () => {
  await s.open("data=spirals&device=webgpu", 100);
  await s.trained(50);
  const session = await s.page.context().newCDPSession(s.page);
  const busy = () =>
    s.page.evaluate(() => {
      const start = performance.now();
      let sum = 0;
      for (let i = 0; i < 2e6; i++) sum += Math.sqrt(i);
      return sum > 0 ? performance.now() - start : 0;
    });
  await unharmed(async () => {
    // The least of three: another process may have taken the core meanwhile.
    const before = Math.min(await busy(), await busy(), await busy());
    await session.send("Emulation.setCPUThrottlingRate", { rate: 20 });
    // A busy browser takes the order a moment later than it says.
    await expect.poll(busy, { message: "the page is slow", timeout: 30_000 }).toBeGreaterThan(3 * before);
    await beyond((await s.stepCount()) + 20);
    await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  });
  await asLeftAlone();
}, 240_000);

/** As browsers treat tabs that were hidden for long: a timer once a second, no frame at all. */
function throttled(hidden: boolean): void {
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = ((work: () => void, ms = 0, ...args: never[]) =>
    real(work, Math.max(1000, ms), ...args)) as typeof setTimeout;
  globalThis.setInterval = ((work: () => void, ms = 0) => {
    const again = (): void => {
      work();
      real(again, Math.max(1000, ms));
    };
    return real(again, Math.max(1000, ms));
  }) as unknown as typeof setInterval;
  if (!hidden) return;
  globalThis.requestAnimationFrame = () => 0;
  Object.defineProperty(document, "visibilityState", { value: "hidden" });
  Object.defineProperty(document, "hidden", { value: true });
}

test("hidden, with a timer a second and no frames, it trains on, and its losses are those of a page that is seen", async () => {
  const link = "data=spirals&device=webgpu";
  await s.open(link);
  await s.trained(300);
  const seen = await pausedLosses();
  const { page } = s;
  await page.addInitScript(throttled, true);
  const wasThrottled = await beginWorkerWith(page, `(${throttled})(false);`);
  await page.goto("about:blank");
  await s.open(link);
  await page.waitForFunction(() => window.chainrule.curve.losses.length >= 60, undefined, {
    timeout: 60_000,
    polling: 200,
  });
  expect(wasThrottled()).toBe(1);
  const losses = await s.lossAt();
  await requireSame(losses, seen.losses);
  const memory = await s.text("#memory");
  await page.waitForFunction((n) => window.chainrule.curve.losses.length > n + 20, losses.size, {
    timeout: 60_000,
    polling: 200,
  });
  expect(await s.text("#memory")).toBe(memory);
  expect(await page.locator("#problem").count()).toBe(0);
}, 240_000);
