import { beforeAll, expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { studio } from "../shared/page.ts";

/** One page goes through the room: what each test leaves is where the next one begins. */
const s = studio({ onePage: true });

const number = (text: string): number => Number(text.replaceAll("−", "-"));
/** The numbers of a map, as it shows them; blanks are NaN. */
const shown = (map: string): Promise<number[]> =>
  s.page
    .locator(`[data-map="${map}"] .map button`)
    .evaluateAll((cells) => cells.map((c) => Number(c.textContent!.replaceAll("−", "-") || "NaN")));
const filled = async (map: string): Promise<number> => (await shown(map)).filter((v) => !Number.isNaN(v)).length;
const phase = async (n: number): Promise<void> => {
  await s.page.click(`#conv-film .phases button:nth-child(${n})`);
  await s.page.waitForSelector(`#conv-film .phases button:nth-child(${n})[aria-pressed="true"]`);
};
const loss = async (): Promise<number> => number((await s.text("#conv-loss")).split("=")[1]!);
const picture = (): Promise<number> => s.page.locator("#conv-scrub").inputValue().then(Number);
/** The grids of numbers that the picture's own is made of. */
const grids = (): Promise<number[][]> =>
  s.page
    .locator("#conv-work table")
    .evaluateAll((all) =>
      all.map((t) => [...t.querySelectorAll("td")].map((c) => Number(c.textContent!.replaceAll("−", "-")))),
    );

beforeAll(async () => {
  await s.open("room=backprop&data=tutorial&device=cpu");
  await s.page.click("#view-convolution");
  await s.page.waitForSelector("#conv-next");
});

test("the window slides by button, slider and arrows, and its products add up to the number it makes", async () => {
  expect(await filled("conv")).toBe(1);
  await s.page.click("#conv-next");
  await s.page.locator("#conv-film h2").click();
  await s.page.keyboard.press("ArrowRight");
  await s.page.keyboard.press("ArrowRight");
  await s.page.keyboard.press("ArrowLeft");
  expect(await picture()).toBe(2);
  expect(await filled("conv")).toBe(3);
  await s.page.locator("#conv-scrub").fill("5");
  const [window, kernel, products] = (await grids()) as [number[], number[], number[]];
  expect(window.map((x, i) => x * kernel[i]! + 0)).toEqual(products);
  const sum = products.reduce((a, b) => a + b, 0);
  expect((await shown("conv"))[5]).toBeCloseTo(sum, 1);
  expect(await s.page.locator('[data-map="input"] .lit').count()).toBe(9);
  expect(await s.text("#conv-sentence")).toContain("row 2, column 2");
});

test("the pool's gradient goes to the winner alone, the kernel's adds up to what the nudge finds", async () => {
  await phase(8);
  const winner = s.page.locator('[data-map="relu"] button.lit');
  expect(await winner.getAttribute("class")).toContain("won");
  expect((await shown("relu")).filter((v) => v !== 0 && !Number.isNaN(v)).length).toBeLessThanOrEqual(1);
  await phase(10);
  await s.page.locator("#conv-scrub").fill(String((await picture()) + 15));
  await s.page.waitForSelector('[data-map="conv"] tr:last-child td:last-child button.about');
  const gradient = (await shown("kernels"))[1]!;
  await s.page.click('[data-cell="kernels 1"]');
  await s.page.click("#conv-check");
  await s.page.waitForSelector(".nudged");
  const said = await s.text("#conv-nudged");
  expect(said).toContain("agree");
  const numeric = number(/= (−?[\d.]+)/.exec(said)![1]!);
  expect(Math.abs(numeric - gradient)).toBeLessThan(0.06 * Math.abs(gradient));
});

test("a cell of the input tells by which windows its gradient came, under the pointer and the keyboard", async () => {
  await phase(11);
  await s.page.hover('[data-cell="input 14"]');
  await s.page.waitForSelector('[data-cell="input 14"].about');
  expect(await s.page.locator('[data-map="conv"] .lit').count()).toBe(9);
  await s.page.mouse.move(0, 0);
  await s.page.locator('[data-cell="input 0"]').focus();
  await s.page.keyboard.press("ArrowRight");
  await s.page.waitForSelector('[data-cell="input 1"].about');
  // The corner's neighbour lay in two windows.
  expect(await s.page.locator('[data-map="conv"] .lit').count()).toBe(2);
  expect(await s.page.locator("#conv-work .none").count()).toBeGreaterThan(0);
});

test("pixels switch, weights take what is typed, a step makes the loss fall", async () => {
  await phase(1);
  const before = await loss();
  const changed = async (last: number): Promise<number> => {
    await s.page.waitForFunction((l) => !document.querySelector("#conv-loss")!.textContent!.endsWith(l), String(last));
    return loss();
  };
  await s.page.click('[data-cell="input 2"]');
  const switched = await changed(before);
  expect((await shown("input"))[2]).toBe(0);
  await s.page.click('[data-cell="kernels 4"]');
  await s.page.fill("#conv-value", "two");
  await s.page.keyboard.press("Enter");
  await s.page.waitForSelector('#conv-value[aria-invalid="true"]');
  await s.page.fill("#conv-value", "1.7");
  await s.page.keyboard.press("Enter");
  const typed = await changed(switched);
  expect((await shown("kernels"))[4]).toBe(1.7);
  await s.page.click("#conv-step");
  expect(await changed(typed)).toBeLessThan(typed);
});

test("other settings make other maps; the film plays by itself and rests", async () => {
  await s.page.selectOption("#conv-kernels", "2");
  await s.page.selectOption("#conv-padding", "1");
  await s.page.selectOption("#conv-stride", "2");
  await s.page.waitForFunction(() => document.querySelectorAll('[data-map="conv"] button').length === 18);
  expect(await s.page.locator('[data-map="input"] .beyond').count()).toBe(8 * 8 - 36);
  expect(await s.page.locator('[data-map="input"] .beyond.lit').count()).toBe(5);
  await s.page.click("#conv-play");
  const begun = await picture();
  await s.page.waitForFunction(
    (n) => Number(document.querySelector<HTMLInputElement>("#conv-scrub")!.value) > n,
    begun,
  );
  await s.page.click("#conv-play");
  const rested = await picture();
  await s.page.waitForTimeout(800);
  expect(await picture()).toBe(rested);
});

test("axe finds nothing, on a phone and in Chinese too, where what a picture is about stays in sight", async () => {
  await phase(11);
  expect(await violations(s.page)).toEqual([]);
  await s.page.setViewportSize({ width: 390, height: 844 });
  await s.switchLanguage();
  await s.page.click("#theme");
  await s.page.click("#theme");
  expect(await violations(s.page)).toEqual([]);
  const pictures = Number(await s.page.locator("#conv-scrub").getAttribute("max"));
  for (let i = 0; i <= pictures; i += 7) {
    await s.page.locator("#conv-scrub").fill(String(i));
    const seen = await s.page.locator(".maps .about").evaluateAll((all) => {
      const view = document.querySelector("#conv-film .stage")!.getBoundingClientRect();
      return all.map((e) => {
        const box = e.getBoundingClientRect();
        return box.left >= view.left && box.right <= view.right;
      });
    });
    expect(seen, `picture ${i + 1}`).toEqual([true]);
  }
});
