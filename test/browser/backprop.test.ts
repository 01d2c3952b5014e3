import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

const s = studio();

/** Numbers of each line of the formula, signs in brackets included. */
const lines = () =>
  s.page.locator("#formula mtr").evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll("mn")].map((mn) => {
        const before = [...(mn.parentElement?.children ?? [])].slice(0, 2).map((e) => e.textContent);
        const size = Number((mn.textContent ?? "").replaceAll("−", "-"));
        return before[0] === "(" && before[1] === "−" ? -size : size;
      }),
    ),
  );
const phase = async (name: string): Promise<void> => {
  await s.page.click(`.phases button:has-text("${name}")`);
  await s.page.waitForSelector(`.phases button[aria-pressed="true"]:has-text("${name}")`);
};

test("goes forward, back and through the update, with numbers that multiply out", async () => {
  await s.open("room=backprop&data=tutorial");
  await s.page.waitForSelector("#scrub");
  expect(await s.page.locator("#formula math").count()).toBe(1);
  const [, terms, [sum]] = (await lines()) as [number[], number[], [number]];
  let exact = 0;
  for (let i = 0; i < terms.length; i += 2) exact += terms[i]! * terms[i + 1]!;
  expect(exact).toBeCloseTo(sum, 2);
  await phase("Products");
  const [, factors, [product]] = (await lines()) as [number[], [number, number], [number]];
  expect(Math.abs(factors[0] * factors[1] - product)).toBeLessThan(0.01 * Math.abs(product) + 1e-9);
  await phase("Update");
  const [, [w, rate, g], [next]] = (await lines()) as [number[], [number, number, number], [number]];
  expect(w - rate * g).toBeCloseTo(next, 2);
});

test("is scrubbed by slider and arrows, and turned round on the way back", async () => {
  await s.open("room=backprop&data=tutorial");
  await s.page.waitForSelector("#scrub");
  const x = () => s.page.locator(".drawing-of-net circle").first().getAttribute("cx").then(Number);
  const front = await x();
  await s.page.locator("#film h2").click();
  await s.page.keyboard.press("ArrowRight");
  expect(await s.page.locator("#scrub").inputValue()).toBe("1");
  await s.page.keyboard.press("ArrowLeft");
  expect(await s.page.locator("#scrub").inputValue()).toBe("0");
  await phase("Backward");
  expect(await x()).toBeGreaterThan(front);
  expect(await s.text("#sentence")).toContain("turned round");
  // The output's slope, as the loss has it: 2 (p - t).
  const [, , [two, p, t], [slope]] = (await lines()) as [unknown, unknown, [number, number, number], [number]];
  expect(Math.abs(two * (p - t) - slope)).toBeLessThan(0.01 * Math.abs(slope));
});

test("on a phone the drawing follows the film: what each picture is about is in sight", async () => {
  await s.page.setViewportSize({ width: 390, height: 844 });
  await s.open("room=backprop&data=tutorial");
  await s.page.waitForSelector("#scrub");
  const pictures = Number(await s.page.locator("#scrub").getAttribute("max"));
  for (let i = 0; i <= pictures; i++) {
    await s.page.waitForSelector(`#scrub[aria-label^="picture ${i + 1} of "]`);
    const marked = await s.page.locator(".node.on, .edge.lit").evaluateAll((all) => {
      const view = document.querySelector(".stage")!.getBoundingClientRect();
      return all.map((e) => {
        const box = e.getBoundingClientRect();
        return Math.min(box.right, view.right) - Math.max(box.left, view.left) >= Math.min(box.width, 60);
      });
    });
    expect(marked.length, `picture ${i + 1}`).toBeGreaterThan(0);
    expect(marked, `picture ${i + 1}`).not.toContain(false);
    if (i < pictures) await s.page.click("#next");
  }
});

test("tells where a node's value comes from under the pointer, and takes another row", async () => {
  await s.open("room=backprop&data=xor&net=3-tanh");
  await s.page.waitForSelector("#scrub");
  await phase("Loss");
  await s.page.locator(".node circle").nth(3).hover();
  expect(await s.page.locator("#formula").textContent()).toContain("∑");
  await s.page.click("#next-row");
  await s.page.waitForFunction(() => document.querySelector("#film")?.textContent?.includes("row 2 / 4"));
});

test("counts multiplications, and shows the kernels that ran with what they left", async () => {
  await s.open("room=backprop&data=tutorial");
  await s.page.waitForSelector("#count tbody tr");
  const ratios = await s.page
    .locator("#count tbody tr")
    .evaluateAll((rows) => rows.map((r) => Number(r.querySelectorAll("td")[3]!.textContent)));
  expect(ratios.length).toBe(6);
  expect(ratios[2]!).toBeGreaterThan(ratios[0]!);
  await s.page.click("#run-kernels");
  await s.page.waitForSelector("#ran tbody tr", { timeout: 30_000 });
  const text = await s.text("#ran tbody");
  expect(text).toContain("sumSquaredErrorWithGradient");
  expect(text).toMatch(/outerProduct/);
});
