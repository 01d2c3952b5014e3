import { expect, test } from "vitest";
import { violations } from "../shared/axe.ts";
import { studio } from "../shared/page.ts";

const s = studio();
const link = "data=moons&device=cpu";

/** Trains until a pause is worth keeping, then pauses, which keeps the run. Gives its step and its curve. */
async function trainAndPause(): Promise<{ step: number; losses: Map<number, number> }> {
  await s.trained(30);
  // What is waited for is time, not steps, which would only have to be taken again.
  await s.page.waitForTimeout(2500);
  await s.paused();
  return { step: await s.stepCount(), losses: await s.lossAt() };
}

/** A new page, once the old one has all that it asked for: a reload would cut requests off, which counts as a fault. */
async function reload(): Promise<void> {
  await s.page.waitForSelector("#adapter[data-kind]");
  await s.page.waitForLoadState("networkidle");
  await s.page.waitForTimeout(300);
  await s.page.reload();
  await s.page.waitForSelector("#adapter[data-kind]");
}

/** In the room where nothing plays by itself an offer stays until it is answered. */
async function reloadAtRest(): Promise<void> {
  await s.page.click("#room-backprop");
  await s.page.waitForSelector("#scrub");
  await reload();
  await s.page.waitForSelector("#go-on");
}

const stepIsBeyond = (n: number) =>
  s.page.waitForFunction((m) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > m, n);

test("a run goes on after a reload, with its curve from the first step, as if the page had never gone", async () => {
  const requests: string[] = [];
  await s.open(link);
  const before = await trainAndPause();
  s.page.on("request", (r) => requests.push(`${r.method()} ${new URL(r.url()).origin}`));
  await reloadAtRest();
  expect((await s.text("#go-on")).replace(/\D/g, "")).toBe(String(before.step));
  await s.page.focus("#go-on");
  await s.page.keyboard.press("Enter");
  await s.page.waitForSelector("#saved", { state: "detached" });
  expect(await s.page.evaluate(() => document.activeElement?.id)).toBe("play");
  await stepIsBeyond(before.step - 1);
  expect(await s.stepCount()).toBe(before.step);
  await s.page.click("#room-train");
  await s.paceOf(1000);
  await s.page.click("#play");
  await stepIsBeyond(before.step + 500);
  await s.paused();
  const after = await s.lossAt();
  // Nothing went anywhere: all that the page asked for were its own files.
  expect(new Set(requests)).toEqual(new Set([`GET ${new URL(s.page.url()).origin}`]));

  // The same run without a pause: everything kept is thrown away first.
  await reloadAtRest();
  await s.page.click("#discard");
  await s.page.click("#room-train");
  await s.paceOf(1000);
  await s.page.click("#play");
  const last = Math.max(...after.keys());
  await stepIsBeyond(last);
  await s.paused();
  const whole = await s.lossAt();
  const common = [...after].filter(([step]) => whole.has(step));
  expect(common.some(([step]) => step < before.step)).toBe(true);
  expect(common.filter(([step]) => step > before.step).length).toBeGreaterThan(20);
  for (const [step, loss] of common) expect(loss, `step ${step}`).toBe(whole.get(step));
});

test("the offer is for the same settings only, is gone when it was thrown away, and axe finds nothing in it", async () => {
  await s.open(link);
  await trainAndPause();
  await s.page.fill("#field-seed", "99");
  await s.page.press("#field-seed", "Enter");
  await s.page.waitForFunction(() => location.hash.includes("seed=99"));
  await reload();
  await s.trained(30);
  await s.page.waitForTimeout(500);
  expect(await s.page.locator("#go-on").count()).toBe(0);
  await s.open(`room=backprop&${link}`);
  await s.page.waitForSelector("#go-on");
  for (const [language, theme] of [
    ["en", "light"],
    ["zh", "dark"],
  ] as const) {
    await s.page.evaluate((items) => Object.assign(localStorage, items), { language, theme });
    await reloadAtRest();
    expect(await violations(s.page)).toEqual([]);
  }
  await s.page.click("#discard");
  await s.page.waitForSelector("#saved", { state: "detached" });
  await reload();
  await s.page.waitForTimeout(1000);
  expect(await s.page.locator("#go-on").count()).toBe(0);
});

test("a run that cannot be kept says why, once, and trains on", async () => {
  // Only the name by which files are opened for writing is changed, in the one file that does so.
  await s.page.route("**/saved-run-*.js", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace("createSyncAccessHandle()", "noSuchHandle()");
    await route.fulfill({ response, body });
  });
  await s.open(link);
  const { step } = await trainAndPause();
  await s.page.waitForSelector("#unsaved");
  expect(await s.text("#unsaved")).toContain("cannot be kept for a reload: ");
  await s.page.click("#unsaved button");
  await s.page.waitForSelector("#unsaved", { state: "detached" });
  await s.paceOf(0);
  await s.page.click("#play");
  await stepIsBeyond(step + 500);
  await s.paused();
  expect(await s.page.locator("#unsaved").count()).toBe(0);
});
