import { beforeAll, expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { studio } from "../shared/page.ts";

/** One page goes through the room: what each test leaves is where the next one begins. */
const s = studio({ onePage: true });

const number = (text: string): number => Number(text.replaceAll("−", "-").replace("∞", "Infinity"));
/** The numbers of a map, as it shows them; blanks are NaN. */
const shown = async (map: string): Promise<number[]> =>
  (await s.page.locator(`[data-map="${map}"] .map button`).allTextContents()).map((t) => (t ? number(t) : Number.NaN));
const filled = async (map: string): Promise<number> => (await shown(map)).filter((v) => !Number.isNaN(v)).length;
const phase = async (n: number): Promise<void> => {
  await s.page.click(`#attention-film .phases button:nth-child(${n})`);
  await s.page.waitForSelector(`#attention-film .phases button:nth-child(${n})[aria-pressed="true"]`);
};
const loss = async (): Promise<number> => number((await s.text("#attention-loss")).split("=")[1]!);
const changed = async (last: number): Promise<number> => {
  await s.page.waitForFunction(
    (l) => Number(document.querySelector("#attention-loss")!.textContent!.split("=")[1]!.replace("−", "-")) !== l,
    last,
  );
  return loss();
};
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

beforeAll(async () => {
  await s.open("room=backprop&data=tutorial&device=cpu");
  await s.page.click("#view-attention");
  await s.page.waitForSelector("#attention-next");
});

test("by button and arrows a query is made, scored, masked and weighed; weights add up to one", async () => {
  expect(await filled("q")).toBe(1);
  await s.page.click("#attention-next");
  await s.page.locator("#attention-film h2").click();
  await s.page.keyboard.press("ArrowRight");
  await s.page.waitForFunction(() => document.querySelector<HTMLInputElement>("#attention-scrub")!.value === "2");
  expect(await filled("q")).toBe(3);
  await phase(4);
  expect(await filled("scores")).toBe(1);
  await phase(5);
  const scores = await shown("scores");
  expect(scores[3]).toBe(Number.NEGATIVE_INFINITY);
  expect(await s.text("#attention-sentence")).toContain("step 3");
  await phase(7);
  const weights = await shown("weights");
  expect(sum(weights)).toBeCloseTo(1, 1);
  expect(weights[3]).toBe(0);
  await s.page.uncheck("#attention-causal");
  await s.page.waitForFunction(() => document.querySelector('[data-cell="weights 3"]')!.textContent !== "0");
  expect(sum(await shown("weights"))).toBeCloseTo(1, 1);
  await s.page.check("#attention-causal");
  await s.page.waitForSelector('[data-cell="weights 3"]:text-is("0")');
});

test("on the way back the scores' gradients add up to nothing, and a matrix's is what nudging finds", async () => {
  await phase(13);
  const scores = await shown("scores");
  expect(Math.abs(sum(scores))).toBeLessThan(0.05 * Math.max(...scores.map(Math.abs)) + 0.01);
  expect(scores[3]).toBe(0);
  await phase(17);
  const gradient = (await shown("wk"))[1]!;
  await s.page.click('[data-cell="wk 1"]');
  await s.page.click("#attention-check");
  await s.page.waitForSelector("#attention-nudged.nudged");
  const said = await s.text("#attention-nudged");
  expect(said).toContain("agree");
  expect(Math.abs(number(/= (−?[\d.]+)/.exec(said)![1]!) - gradient)).toBeLessThan(0.06 * Math.abs(gradient));
});

test("a cell tells what it is made of, under the pointer and the keyboard", async () => {
  await phase(7);
  await s.page.hover('[data-cell="output 1"]');
  await s.page.waitForSelector('[data-cell="output 1"].about');
  expect(await s.page.locator('[data-map="v"] .lit').count()).toBe(4);
  expect(await s.page.locator('[data-map="weights"] .lit').count()).toBe(4);
  await s.page.mouse.move(0, 0);
  await s.page.locator('[data-cell="scores 0"]').focus();
  await s.page.keyboard.press("ArrowRight");
  await s.page.waitForSelector('[data-cell="scores 1"].about');
  expect(await s.page.locator('[data-map="k"] .lit').count()).toBe(3);
});

test("numbers take what is typed, the target too, and a step makes the loss fall", async () => {
  const before = await loss();
  await s.page.click('[data-cell="x 4"]');
  await s.page.fill("#attention-value", "two");
  await s.page.keyboard.press("Enter");
  await s.page.waitForSelector('#attention-value[aria-invalid="true"]');
  await s.page.fill("#attention-value", "1.3");
  await s.page.keyboard.press("Enter");
  const typed = await changed(before);
  expect((await shown("x"))[4]).toBe(1.3);
  await s.page.click('[data-cell="target 0"]');
  expect(await s.page.isDisabled("#attention-check")).toBe(true);
  await s.page.fill("#attention-value", "-2");
  await s.page.keyboard.press("Enter");
  const aimed = await changed(typed);
  await s.page.click("#attention-step");
  expect(await changed(aimed)).toBeLessThan(aimed);
});

test("other sizes and another query make other maps", async () => {
  await s.page.selectOption("#attention-steps", "5");
  await s.page.selectOption("#attention-width", "4");
  await s.page.selectOption("#attention-query", { label: "5" });
  await s.page.waitForFunction(() => document.querySelectorAll('[data-map="wq"] button').length === 16);
  await s.page.waitForSelector('[data-cell="weights 4"]:not(:text-is("0"))');
  expect(await filled("weights")).toBe(5);
  expect(await s.text('[data-map="k"] th b')).toBe("5");
});

test("axe finds nothing, on a phone and in Chinese too, where what a picture is about stays in sight", async () => {
  await phase(12);
  expect(await violations(s.page)).toEqual([]);
  await s.page.setViewportSize({ width: 390, height: 844 });
  await s.switchLanguage();
  await s.page.click("#theme");
  await s.page.click("#theme");
  expect(await violations(s.page)).toEqual([]);
  const pictures = Number(await s.page.locator("#attention-scrub").getAttribute("max"));
  for (let i = 0; i <= pictures; i += 9) {
    await s.page.locator("#attention-scrub").fill(String(i));
    const seen = await s.page.locator(".maps .about").evaluateAll((all) => {
      const view = document.querySelector("#attention-film .stage")!.getBoundingClientRect();
      return all.map((e) => {
        const box = e.getBoundingClientRect();
        return box.left >= view.left && box.right <= view.right;
      });
    });
    expect(seen, `picture ${i + 1}`).toEqual([true]);
  }
});
