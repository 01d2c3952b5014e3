import { describe, expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { studio } from "../shared/page.ts";
import { thorough } from "../shared/thorough.ts";

/** One page goes through all states: opening it and starting axe takes longer than looking at one more. */
const s = studio({ onePage: true });

const table = [
  ",price,y,b",
  ...Array.from({ length: 40 }, (_, i) => `${i},"${1 + (i % 9)},${200 + i}",${i % 2 ? "p" : "q"},${i % 8 ? i : "NaN"}`),
].join("\n");

/** What is looked at: how one comes there, and what is seen when all of it is there. */
const states: Readonly<Record<string, { hash: string; ready: string; enter?: () => Promise<unknown> }>> = {
  train: { hash: "room=train&data=digits", ready: "#confusion td" },
  "a convolution net": {
    hash: "room=train&model=digits-cnn",
    ready: "#layer-2-kernel",
    enter: async () => {
      await s.page.waitForSelector("#filters canvas");
      await s.page.locator(".layer-list .layer-row").nth(2).click();
    },
  },
  gradients: { hash: "room=gradients&data=tutorial&fault=printed", ready: "#verdict" },
  backprop: { hash: "room=backprop&data=xor", ready: "#scrub" },
  benchmark: {
    hash: "room=benchmark&data=moons",
    ready: "#bench-ceilings tbody tr",
    enter: async () => {
      await s.page.click("#bench-run");
      await s.page.waitForSelector("#bench-ceilings tbody tr", { timeout: 40_000 });
      await s.page.click("#bench-cancel");
      await s.page.waitForSelector("#bench-run", { timeout: 30_000 });
    },
  },
  kernels: { hash: "room=kernels&data=moons", ready: "#source" },
  "a table of one's own": {
    hash: "room=train&data=moons",
    ready: "#table-notices",
    enter: () => s.page.setInputFiles("#file", { name: "own.csv", mimeType: "", buffer: Buffer.from(table) }),
  },
};

async function colours(wished: string): Promise<void> {
  const html = s.page.locator(`html[data-theme="${wished}"]`);
  for (let i = 0; i < 3 && (await html.count()) === 0; i++) await s.page.click("#theme");
  expect(await html.count()).toBe(1);
}

async function speak(wished: string): Promise<void> {
  if ((await s.page.locator("html").getAttribute("lang")) !== wished) await s.switchLanguage();
}

let entered = "";
async function enter(name: string): Promise<void> {
  if (entered === name) return;
  const { hash, ready, enter } = states[name]!;
  entered = name;
  await s.open(`${hash}&device=cpu`);
  await enter?.();
  await s.page.waitForSelector(ready, { timeout: 30_000 });
  // A run that plays on takes the time of what looks at it.
  if ((await s.text("#play")).includes("Pause")) await s.paused();
}

/** Words are of a language, contrast is of a scheme: each once, or all four where all are asked for. */
const looks = [
  ["en", "light"],
  ["zh-Hans", "dark"],
  ...(thorough ? ([["en", "dark"], ["zh-Hans", "light"]] as const) : []), // biome-ignore format: pairs
] as const;

describe("axe finds nothing", () => {
  for (const name of Object.keys(states)) {
    for (const [language, scheme] of looks) {
      test(`${name}, ${language}, ${scheme}`, async () => {
        await enter(name);
        await colours(scheme);
        await speak(language);
        expect(await violations(s.page)).toEqual([]);
      });
    }
  }

  test("in the dialogs, and while a run plays", async () => {
    await s.open("data=moons&device=cpu");
    await speak("en");
    await s.page.locator("#play", { hasText: "Pause" }).waitFor();
    await s.trained(5);
    expect(await violations(s.page)).toEqual([]);
    await s.paused();
    await s.page.click("#code");
    await s.page.waitForSelector("#snippet");
    expect(await violations(s.page)).toEqual([]);
    await s.page.keyboard.press("Escape");
    await s.page.click("#keys");
    await s.page.waitForSelector("#help");
    expect(await violations(s.page)).toEqual([]);
  });
});
