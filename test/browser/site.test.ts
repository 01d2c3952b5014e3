import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
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
  // What starts the worker runs before the page's own file.
  const scripts = await page.evaluate(() => Array.from(document.scripts, (script) => script.src));
  expect(scripts.map((src) => /worker-start|first/.exec(src)?.[0])).toEqual(["worker-start", "first"]);
  expect(found).toEqual([]);
  await page.close();
});

test("it is a static folder: it trains from any path of a plain server, and goes on when that is gone", async () => {
  const folder = new URL("../../dist/site-under-test/", import.meta.url).pathname;
  const types: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript", css: "text/css" };
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split(/[?#]/)[0]!.replace("/deep/down/", "") || "index.html";
    const file = join(folder, path);
    if (!file.startsWith(folder) || !existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": types[file.split(".").at(-1)!] ?? "" }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const page = await browser.newPage({ locale: "en-US" });
  const found = complaints(page);
  await page.goto(`http://localhost:${port}/deep/down/#v=2&data=digits&device=cpu`);
  await page.waitForFunction(() => window.chainrule.curve.losses.length > 20);
  // Without the headers that isolate a page memory cannot be shared: one thread computes, and says so.
  expect(await page.evaluate(() => window.crossOriginIsolated)).toBe(false);
  expect(await page.locator("#adapter").textContent()).toContain("1 thread");
  await page.waitForLoadState("networkidle");
  await page.context().setOffline(true);
  const before = await page.evaluate(() => window.chainrule.curve.steps.at(-1)!);
  await page.waitForFunction((n) => window.chainrule.curve.steps.at(-1)! > n, before);
  expect(found).toEqual([]);
  await page.close();
  server.close();
});
