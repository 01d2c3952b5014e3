import type { Page } from "playwright-core";

/** What WORK takes where the limits in milliseconds were measured, and nothing else ran; a busier machine takes longer for all. */
const QUIET_MS = 160;
/** Two workers side by side, as a page and its engine are. */
const WORK = `(() => {
  const loop = "postMessage((() => { let s = 1; for (let i = 0; i < 1e8; i++) s = (Math.imul(s, 1664525) + 1013904223) | 0; return s; })())";
  const start = performance.now();
  const one = () =>
    new Promise((resolve) => {
      const worker = new Worker(URL.createObjectURL(new Blob([loop])));
      worker.onmessage = resolve;
    });
  return Promise.all([one(), one()]).then(() => performance.now() - start);
})()`;

/** How many times as slow as when quiet the machine is now, by work of two threads in the page. */
export async function slowness(page: Page): Promise<number> {
  return (await page.evaluate<number>(WORK)) / QUIET_MS;
}
