import type { CDPSession } from "playwright-core";
import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

/**
 * What a browser does to a page that nobody looks at: it is hidden, its timers are throttled, its processor is slow, it
 * is frozen and resumed. The run goes on or waits; its losses are those of a page left alone, and nothing is complained of.
 */
const s = studio();

const shownStep = (): Promise<number> => s.stepCount();
const beyond = (step: number): Promise<unknown> =>
  s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
    step,
    { timeout: 60_000, polling: 100 },
  );

/** The devtools of the page itself. */
async function devtools(): Promise<CDPSession> {
  return s.page.context().newCDPSession(s.page);
}

/** The memory that the page shows, while something happens to it. */
async function constantMemory(work: () => Promise<void>): Promise<void> {
  const before = await s.text("#memory");
  expect(before).toMatch(/\d/);
  await work();
  expect(await s.text("#memory")).toBe(before);
  expect(await s.page.locator("#problem").count()).toBe(0);
  expect(await s.page.locator("#recovery").count()).toBe(0);
}

/** The losses so far are, step for step, those of the same run from its beginning, left alone. */
async function asLeftAlone(): Promise<void> {
  await s.paused();
  const disturbed = await s.lossAt();
  const last = Math.max(...disturbed.keys());
  await s.page.click("#reset");
  await s.page.waitForFunction(() => window.chainrule.curve.losses.length === 0);
  await s.page.click("#play");
  await s.page.waitForFunction((n) => (window.chainrule.curve.steps.at(-1) ?? 0) >= n, last, { timeout: 120_000 });
  await s.paused();
  const alone = await s.lossAt();
  const both = [...disturbed.keys()].filter((step) => alone.has(step));
  expect(both.length).toBeGreaterThan(40);
  for (const step of both) expect(alone.get(step), `step ${step}`).toBe(disturbed.get(step));
}

for (const device of ["webgpu", "cpu"]) {
  test(`frozen and resumed it goes on where it was: ${device}`, async () => {
    await s.open(`data=spirals&device=${device}`);
    await s.trained(50);
    const session = await devtools();
    await constantMemory(async () => {
      for (let i = 0; i < 2; i++) {
        const step = await shownStep();
        await session.send("Page.setWebLifecycleState", { state: "frozen" });
        await new Promise((resolve) => setTimeout(resolve, 1500));
        await session.send("Page.setWebLifecycleState", { state: "active" });
        await beyond(step + 20);
      }
    });
    await asLeftAlone();
  }, 240_000);
}

test("on a processor twenty times slower it goes on, and answers", async () => {
  await s.open("data=spirals&device=webgpu");
  await s.trained(50);
  const session = await devtools();
  await constantMemory(async () => {
    await session.send("Emulation.setCPUThrottlingRate", { rate: 20 });
    const step = await shownStep();
    await beyond(step + 20);
    await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  });
  await asLeftAlone();
}, 240_000);

test("behind another tab, with throttled timers, it trains on unseen", async () => {
  await s.open("data=spirals&device=webgpu");
  await s.trained(50);
  const other = await s.page.context().newPage();
  await constantMemory(async () => {
    await other.goto("about:blank");
    await other.bringToFront();
    const session = await devtools();
    await session.send("Emulation.setFocusEmulationEnabled", { enabled: false });
    const step = await shownStep();
    // A timer of the page that is asked for 60 times a second: how often it comes says whether it is throttled.
    await beyond(step + 20);
    await s.page.bringToFront();
    await beyond((await shownStep()) + 20);
  });
  await other.close();
  await asLeftAlone();
}, 240_000);
