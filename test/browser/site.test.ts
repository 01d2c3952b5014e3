import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { complaints, launchBrowser } from "../setup/browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

test("the built page opens without complaint, and the browser has an adapter", async () => {
  const page = await browser.newPage();
  const found = complaints(page);
  await page.goto(inject("siteUrl"), { waitUntil: "networkidle" });
  expect(await page.title()).toContain("Chainrule");
  expect(await page.evaluate(async () => (await navigator.gpu.requestAdapter()) !== null)).toBe(true);
  expect(await page.evaluate(() => window.crossOriginIsolated)).toBe(true);
  expect(found).toEqual([]);
  await page.close();
});
