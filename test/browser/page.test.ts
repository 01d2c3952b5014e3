import { availableParallelism } from "node:os";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { complaints, launchBrowser } from "../setup/browser.ts";

let browser: Browser;
let page: Page;
let found: string[];
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  page = await browser.newPage({ locale: "en-US" });
  found = complaints(page);
});
afterEach(async () => {
  expect(found).toEqual([]);
  await page.close();
});

const open = (rest = ""): Promise<unknown> => page.goto(inject("siteUrl") + rest);
const losses = (): Promise<number[]> => page.evaluate(() => [...window.chainrule.curve.losses]);
/** Loss by step: a long curve is thinned, but what it keeps stays under its step. */
const lossAt = async (): Promise<Map<number, number>> => {
  const { steps, losses } = await page.evaluate(() => ({ ...window.chainrule.curve }));
  return new Map(steps.map((s, i) => [s, losses[i]!]));
};
const stepCount = async (): Promise<number> => Number((await text("#step-count")).replace(/\D/g, ""));
const trained = (steps: number): Promise<unknown> =>
  page.waitForFunction((n) => window.chainrule.curve.losses.length >= n, steps, { timeout: 30_000 });
const text = async (selector: string): Promise<string> => (await page.locator(selector).textContent()) ?? "";

describe("training", () => {
  test("begins by itself, on WebGPU, and the loss goes down", async () => {
    await open("#data=circles&device=webgpu");
    await trained(400);
    const curve = await losses();
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(curve.slice(300, 400))).toBeLessThan(0.6 * mean(curve.slice(0, 50)));
    expect(await page.locator("#adapter").getAttribute("data-kind")).toBe("webgpu");
    await page.waitForSelector("#accuracy");
  });

  test("pause holds, one step is one step, reset gives the same curve again", async () => {
    await open("#data=moons");
    await trained(30);
    await page.click("#play");
    await page.waitForFunction(() => document.querySelector("#play")?.textContent === "Play");
    const [first, count] = [await lossAt(), await stepCount()];
    await page.waitForTimeout(300);
    expect(await lossAt()).toEqual(first);
    await page.click("#step");
    await page.waitForFunction(
      (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) === n,
      count + 1,
    );
    await page.click("#reset");
    await page.waitForFunction(() => document.querySelector("#step-count")?.textContent === "0");
    await page.click("#play");
    await trained(30);
    const common = [...(await lossAt())].filter(([step]) => first.has(step));
    expect(common.length).toBeGreaterThan(5);
    for (const [step, loss] of common) expect(loss, `step ${step}`).toBe(first.get(step));
  });

  test("the space bar pauses, and typing into a field does not", async () => {
    await open("#data=moons");
    await trained(5);
    await page.locator("#field-seed").press("Space");
    expect(await text("#play")).toBe("Pause");
    await page.locator("h1").click();
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelector("#play")?.textContent === "Play");
  });

  test("a real data set, another net, another optimizer", async () => {
    await open("#data=digits&net=32&act=relu&opt=sgd&lr=0.1&batch=64&seed=3");
    await trained(60);
    const curve = await losses();
    expect(curve.at(-1)!).toBeLessThan(curve[0]!);
    expect(await page.locator("#field-hidden").inputValue()).toBe("32");
  });

  test("what makes no sense is said beside the field, and nothing starts", async () => {
    await open("#data=moons");
    await trained(5);
    await page.fill("#field-lr", "0");
    await page.press("#field-lr", "Enter");
    expect(await text("#field-lr-error")).toContain("above 0");
    expect(page.url()).toContain("lr=0.01");
  });

  test("chooses the device by measuring this net's own steps, and shows the figures", async () => {
    await open("#data=xor");
    await trained(5);
    const measured = await text("#measured");
    expect(measured).toMatch(/steps\/s/);
    expect(measured).toMatch(/CPU \(|WebGPU/);
  });

  test("trains on the CPU when asked", async () => {
    await open("#data=moons&device=cpu");
    await trained(50);
    expect(await page.locator("#adapter").getAttribute("data-kind")).toBe("cpu");
    const threads = Math.min(8, availableParallelism());
    expect(await text("#adapter")).toContain(`CPU (WebAssembly SIMD, ${threads} thread`);
  });

  test("without WebGPU it trains on the CPU and says why", async () => {
    // Workers have a navigator of their own: the one file that asks is served without the question.
    await page.route("**/worker-*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replaceAll("navigator.gpu", "undefined") });
    });
    await open("#data=moons");
    await trained(50);
    expect(await page.locator("#adapter").getAttribute("data-kind")).toBe("cpu");
    expect(await text("#adapter")).toContain("this browser has no WebGPU");
  });
});

describe("gradients", () => {
  test("are right for the tutorial's net", async () => {
    await open("#room=gradients&data=tutorial");
    await trained(1);
    await page.click("#reset");
    await page.click("#check");
    await page.waitForSelector("#verdict", { timeout: 30_000 });
    expect(await text("#verdict")).toContain("Every gradient is right");
    expect(await page.locator("tr.bad").count()).toBe(0);
  });

  test("are wrong as the tutorial printed them, and the tensor is named", async () => {
    await open("#room=gradients&data=tutorial&published=1");
    await trained(1);
    await page.click("#check");
    await page.waitForSelector("#verdict", { timeout: 30_000 });
    expect(await text("#verdict")).toContain("d 2.linear");
    expect(await page.locator("tr.bad").count()).toBeGreaterThan(0);
  });
});

describe("the rest", () => {
  test("a benchmark runs, shows verified products, and cancels", async () => {
    await open("#room=benchmark&data=moons");
    await trained(1);
    await page.click("#bench-run");
    await page.waitForSelector("tbody tr", { timeout: 30_000 });
    await page.click("#bench-cancel");
    await page.waitForSelector("#bench-run", { timeout: 30_000 });
    expect(await text("tbody tr")).toContain("matmul 64x64x64");
  });

  test("speaks Chinese when asked, and remembers", async () => {
    await open("#data=moons");
    await page.click("#language");
    expect(await text("#room-train")).toBe("训练");
    await page.reload();
    expect(await text("#room-train")).toBe("训练");
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-Hans");
  });

  test("a hostile link is no more than the page's own start", async () => {
    await open("#data=%3Cscript%3E&net=999999-1&lr=-1&batch=0&seed=x&room=__proto__");
    await trained(1);
    expect(page.url()).toContain("data=spirals");
    expect(page.url()).toContain("room=train");
  });
});
