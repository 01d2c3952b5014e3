import { expect, test } from "vitest";
import { studio } from "../shared/page.ts";

const s = studio();

async function only(sections: readonly string[]): Promise<void> {
  for (const box of await s.page.locator(".bench-choices label.inline:has(input)").all()) {
    const wanted = sections.includes(((await box.textContent()) ?? "").trim());
    await box.locator("input").setChecked(wanted);
  }
}

test("runs, shows verified products and how long it will take, and cancels", async () => {
  await s.open("room=benchmark&data=moons");
  await s.page.click("#bench-run");
  await s.page.waitForSelector("#bench-products tbody tr", { timeout: 60_000 });
  expect(await s.text("#bench-progress")).toMatch(/about \d+ s left/);
  expect(await s.text("#bench-ceilings")).toContain("GFLOP/s");
  await s.page.click("#bench-cancel");
  await s.page.waitForSelector("#bench-run", { timeout: 30_000 });
  expect(await s.text("#bench-products tbody tr")).toContain("matmul 64x64x64");
  expect(await s.text("#bench-progress")).toContain("Stopped");
}, 120_000);

test("runs to its end, is copied, and lies beside an earlier run", async () => {
  await s.open("room=benchmark&data=moons");
  await s.page.selectOption("#bench-max", "64");
  await only(["GPU against CPU"]);
  await s.page.click("#bench-run");
  await s.page.waitForSelector("#bench-markdown", { timeout: 60_000 });
  expect(await s.text("#bench-progress")).toContain("Done");
  await s.page.waitForSelector("#plot-step canvas");
  await s.page.click("#bench-markdown");
  await s.page.waitForFunction(() => document.querySelector("#bench-markdown")?.textContent?.includes("✓"));
  expect(await s.page.evaluate(() => navigator.clipboard.readText())).toMatch(
    /Adapter: .*[\s\S]*\| width of three layers/,
  );
  await s.page.click("#bench-json");
  await s.page.waitForFunction(() => document.querySelector("#bench-json")?.textContent?.includes("✓"));
  const json = await s.page.evaluate(() => navigator.clipboard.readText());
  const file = (text: string) => ({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(text) });
  await s.page.setInputFiles("#bench-file", file('{"format":"other"}'));
  expect(await s.text("#bench [role=alert]")).toContain("not a benchmark");
  await s.page.setInputFiles("#bench-file", file(json));
  await s.page.waitForSelector("#bench-earlier");
  // The plot is drawn anew a frame after the note of the earlier run.
  await s.page.locator("#plot-step .u-legend", { hasText: "earlier GPU" }).waitFor();
}, 120_000);
