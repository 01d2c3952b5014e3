import { gzipSync } from "node:zlib";
import { expect, inject, test } from "vitest";
import { launchBrowser } from "../setup/browser.ts";
import { studio } from "../shared/page.ts";
import { slowness } from "../shared/slowness.ts";
import { times as often } from "../shared/thorough.ts";

const s = studio({ pace: 0 });

/** Kilobytes (1,000 bytes), gzipped, that opening the page may cost without data; and milliseconds to the first loss. */
const MOST_KB = 149.9;
const MOST_MS = 1000;
const LOADS = often(5, 10);
test("opening the page loads less than 149.9 KB gzipped, and nothing from elsewhere", async () => {
  const sizes = new Map<string, number>();
  const pending: Promise<unknown>[] = [];
  s.page.on("response", (response) => {
    pending.push(response.body().then((body) => sizes.set(response.url(), gzipSync(body, { level: 9 }).length)));
  });
  await s.open();
  await s.trained(50);
  await s.page.waitForLoadState("networkidle");
  await Promise.all(pending);
  const total = [...sizes.values()].reduce((a, b) => a + b, 0) / 1000;
  console.log(`first load: ${total.toFixed(1)} KB gzipped in ${sizes.size} files`);
  expect([...sizes.keys()].filter((url) => !url.startsWith(inject("siteUrl")))).toEqual([]);
  expect(sizes.size).toBeGreaterThan(4);
  expect(total).toBeLessThan(MOST_KB);
});

test("from opening to the first drawn loss takes at most a second, by the median of cold loads", {
  retry: 2,
  timeout: 180_000,
}, async () => {
  const times: number[] = [];
  const slow: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    // A browser of its own each time: nothing is cached, compiled or running.
    const browser = await launchBrowser();
    const page = await browser.newPage({ locale: "en-US" });
    await page.goto("about:blank");
    slow.push(await slowness(page));
    await page.goto(inject("siteUrl"));
    const ms = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const look = (): void => {
            const loss = document.querySelector("#loss")?.textContent;
            const drawn = loss && loss !== "–" && document.querySelector("#curves canvas");
            if (drawn) requestAnimationFrame(() => resolve(performance.now()));
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
    times.push(ms);
    await browser.close();
  }
  const medianOf = (all: number[]): number => {
    all.sort((a, b) => a - b);
    return (all[(LOADS - 1) >> 1]! + all[LOADS >> 1]!) / 2;
  };
  const median = medianOf(times);
  const slower = Math.max(1, medianOf(slow));
  console.log(
    `first drawn loss: median ${Math.round(median)} ms, ${times.map(Math.round).join(" ")}; the machine ${slower.toFixed(2)} times as slow as when quiet`,
  );
  expect(median / slower).toBeLessThan(MOST_MS);
});
