import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { studio } from "../shared/page.ts";
import { runnable } from "../shared/program.ts";

const s = studio();
const report = () => s.page.waitForSelector("#verdict", { timeout: 40_000 });

/** The test of the step that is looked at, from the clipboard. */
async function copied(link: string): Promise<string> {
  await s.open(link);
  await report();
  await s.page.click("#copy-test");
  await s.page.waitForFunction(() => document.querySelector("#copy-test")?.textContent?.includes("✓"));
  const code = await s.page.evaluate(() => navigator.clipboard.readText());
  // A page that trains on would take the processor from what follows.
  await s.page.waitForLoadState("networkidle");
  await s.page.goto("about:blank");
  return code;
}

/** Runs such a test with this clone's library in the place of the package. */
async function replay(code: string) {
  const { args, text } = await runnable(code, false);
  const file = new URL("../../dist/replay.test.mjs", import.meta.url).pathname;
  writeFileSync(file, text);
  return spawnSync(process.execPath, [...args, "--test", file], { encoding: "utf8" });
}

describe("the X-ray", () => {
  test("of the tutorial's net finds every gradient right, and shows every tensor", async () => {
    await s.open("room=gradients&data=tutorial");
    await report();
    expect(await s.text("#verdict")).toContain("Every gradient is right");
    expect(await s.page.locator("#tensors tr.bad").count()).toBe(0);
    expect(await s.page.locator("#tensors tbody tr").count()).toBe(6);
    await s.page.locator("#tensors input[type=checkbox]").uncheck();
    expect(await s.page.locator("#tensors tbody tr").count()).toBeGreaterThan(8);
  });

  test("of a net that takes long says how far it is, and is cancelled: then the run plays", async () => {
    await s.open("room=gradients&data=digits&model=digits-cnn&device=cpu");
    await s.page.waitForSelector("#check-progress progress[max]", { timeout: 40_000 });
    expect(await s.text("#check-progress")).toMatch(/\d+ of \d+ nodes compared/);
    await s.page.click("#check-cancel");
    await s.page.waitForSelector("#check", { timeout: 10_000 });
    expect(await s.page.locator("#verdict").count()).toBe(0);
    await s.trained(3);
  });

  test("draws a tensor's difference, down to single values", async () => {
    await s.open("room=gradients&data=moons");
    await report();
    await s.page.click('[aria-label="show d 2.weight"]');
    await s.page.waitForFunction(() => document.querySelector("#heatmap h2")?.textContent?.includes("d 2.weight"));
    for (let i = 0; i < 4; i++) await s.page.click("#zoom-in");
    await s.page.hover(".heat");
    await s.page.waitForFunction(() =>
      /\[\d+, \d+\]: device .*, f64 /.test(document.querySelector("#element")?.textContent ?? ""),
    );
  });

  test("is copied as a test that runs by itself, and fails where a gradient is wrong", async () => {
    const code = await copied("room=gradients&data=moons&device=cpu");
    expect(code).toContain('"layers":[{"type":"linear"');
    const right = await replay(code);
    expect(right.status, right.stdout).toBe(0);
    const wrong = await replay(await copied("room=gradients&data=tutorial&fault=printed&device=cpu"));
    expect(wrong.status).not.toBe(0);
    expect(wrong.stdout).toContain("goes wrong first: d 2.linear");
  }, 120_000);
});
