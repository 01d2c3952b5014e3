import { describe, expect, test } from "vitest";
import { studio } from "../shared/page.ts";

/** One page: most faults, switched off, leave the run that was there before. */
const s = studio({ onePage: true });
const link = (device: string) => `room=gradients&data=spirals&net=12-tanh-12-tanh&device=${device}`;

/** The verdict that follows upon what is done: the one before it is marked. */
async function verdictAfter(work: () => Promise<unknown>, tone: "good" | "bad"): Promise<void> {
  await s.page.locator("#verdict").evaluateAll((all) => {
    for (const e of all) e.setAttribute("data-old", "");
  });
  await work();
  await s.page.waitForSelector(`#verdict.${tone}:not([data-old])`, { timeout: 40_000 });
}

/** The link of the run without a fault. */
let whole = "";

describe("the gallery is caught, each by the check it names:", () => {
  for (const [fault, check, device] of [
    ["transpose", "device", "webgpu"],
    ["edge", "device", "webgpu"],
    ["batch", "device", "cpu"],
    ["rate", "loss", "cpu"],
    ["dead", "dead", "cpu"],
    ["zeros", "same", "cpu"],
    ["printed", "finite", "cpu"],
  ] as const) {
    test(`${fault} by ${check}, on ${device}`, async () => {
      if (s.page.url() !== whole || !whole.includes(`device=${device}`))
        await verdictAfter(() => s.open(link(device)), "good");
      whole = s.page.url();
      expect(await s.text("#verdict")).toContain("Every gradient is right");
      await verdictAfter(() => s.page.click(`#fault-${fault} button`), "bad");
      expect(await s.page.locator(`#fault-${fault}`).getAttribute("data-check")).toBe(check);
      expect(await s.page.locator(".checks .fail").evaluateAll((all) => all.map((e) => e.id))).toEqual([
        `check-${check}`,
      ]);
      expect(s.page.url()).toContain(`fault=${fault}`);
      await verdictAfter(() => s.page.click("#fault button"), "good");
    });
  }
});
