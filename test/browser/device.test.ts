import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

const s = studio({ pace: 0 });

/** The browser's own process for the GPU, by the browser's word. */
async function gpuProcess(): Promise<number> {
  const session = await s.page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = (await session.send("SystemInfo.getProcessInfo")) as {
    processInfo: { type: string; id: number }[];
  };
  await session.detach();
  return processInfo.find((p) => p.type === "GPU")!.id;
}

// A busy machine may leave no time to compare kernels, and the next run then tries again and adds in another order.
const tries = { timeout: 180_000, retry: 2 };

test("a run survives the death of the GPU process, and the page says so", tries, async () => {
  await s.open("data=spirals&device=webgpu");
  await s.trained(50);
  process.kill(await gpuProcess(), "SIGKILL");
  await s.page.waitForSelector("#recovery", { timeout: 30_000 });
  await s.page.waitForFunction(
    () => /back after|on the CPU/.test(document.querySelector("#recovery")?.textContent ?? ""),
    undefined,
    { timeout: 30_000 },
  );
  console.log(await s.text("#recovery"));
  const step = await s.stepCount();
  await s.page.waitForFunction(
    (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n + 20,
    step,
    { timeout: 30_000 },
  );
  expect(await s.page.locator("#problem").count()).toBe(0);
  // The curve is that of a run that was never disturbed.
  await s.paused();
  const disturbed = await s.lossAt();
  const last = Math.max(...disturbed.keys());
  await s.page.click("#reset");
  await s.page.waitForFunction(() => window.chainrule.curve.losses.length === 0);
  await s.page.click("#play");
  await s.page.waitForFunction((n) => [...window.chainrule.curve.steps].at(-1)! >= n, last, { timeout: 60_000 });
  await s.paused();
  const again = await s.lossAt();
  const both = [...disturbed.keys()].filter((n) => again.has(n));
  expect(both.length).toBeGreaterThan(40);
  for (const n of both) expect(again.get(n), `step ${n}`).toBe(disturbed.get(n));
});
