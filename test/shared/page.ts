import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject } from "vitest";
import { complaints, launchBrowser } from "../setup/browser.ts";
import { ROUGH } from "../setup/rough.ts";

/** A browser serves all files of its process, where those are not isolated from each other, and ends with it. */
const shared = globalThis as { browserUnderTest?: Promise<Browser> };

/** Steps a second of a run that a test looks at while it plays: as many as it can take are whole cores of work. */
const PACE = 100;

/**
 * The page under test, opened anew for each test; with `onePage` it is one for all tests of the file, each of which
 * leaves it as the next one expects it. Runs play at `pace` steps a second, which the page's own setting takes; 0 is as
 * fast as they go. A test fails when the page complained of anything.
 */
export function studio({ deviceScaleFactor = 1, onePage = false, pace = PACE } = {}) {
  let page: Page;
  let found: string[];
  const begin = async (): Promise<void> => {
    shared.browserUnderTest ??= launchBrowser(ROUGH);
    const viewport = { width: 1400, height: 1000 };
    const context = await (await shared.browserUnderTest).newContext({ locale: "en-US", viewport, deviceScaleFactor });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    page = await context.newPage();
    found = complaints(page);
  };
  const end = (): Promise<void> => page.context().close();
  if (onePage) {
    beforeAll(begin);
    afterAll(end);
  } else {
    beforeEach(begin);
    afterEach(end);
  }
  // Of the hooks after a test those that were declared last come first.
  afterEach(() => expect(found.splice(0)).toEqual([]));
  const text = async (selector: string): Promise<string> => (await page.locator(selector).first().textContent()) ?? "";
  return {
    get page() {
      return page;
    },
    open: async (hash = "", at = pace) => {
      await page.goto(`${inject("siteUrl")}${hash && `#v=2&${hash}`}`);
      if (at !== pace || at > 0) await page.selectOption("#speed", String(at));
    },
    /** From now on as many steps a second; 0 is as fast as it goes. */
    paceOf: (at: number) => page.selectOption("#speed", String(at)),
    text,
    losses: () => page.evaluate(() => [...window.chainrule.curve.losses]),
    /** Loss by step: a long curve is thinned, but what it keeps stays under its step. */
    lossAt: async () => {
      const { steps, losses } = await page.evaluate(() => {
        const { curve } = window.chainrule;
        return { steps: [...curve.steps], losses: [...curve.losses] };
      });
      return new Map(steps.map((s, i) => [s, losses[i]!]));
    },
    stepCount: async () => Number((await text("#step-count")).replace(/\D/g, "")),
    trained: (points: number) =>
      page.waitForFunction((n) => window.chainrule.curve.losses.length >= n, points, { timeout: 30_000 }),
    paused: async () => {
      await page.click("#play");
      await page.waitForFunction(() => document.querySelector("#play")?.textContent?.includes("Play"));
    },
    /** Speaks the other language, whose words may have to be fetched. */
    switchLanguage: async () => {
      const before = await page.locator("html").getAttribute("lang");
      await page.click("#language");
      await page.waitForFunction((lang) => document.documentElement.lang !== lang, before);
    },
    /** The complaints so far, taken away: for a test that provokes them. */
    takeComplaints: () => found.splice(0),
    restored: (selector: string) => page.waitForSelector(selector, { timeout: 40_000 }),
  };
}
