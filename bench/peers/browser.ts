import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { findChromium } from "../../src/platform/chromium.ts";
import type { Peer } from "./page/peer.ts";
import { within } from "./run-task.ts";
import type { ContestantName } from "./tasks.ts";

const configFile = fileURLToPath(new URL("./vite.config.ts", import.meta.url));

/** Longest wait for a contestant to open, and for its first step from a cold page. */
export const OPEN_MS = 60_000;

/** The built page, served, and a browser for it. */
export interface PeerBrowser {
  /** "Chromium 147.0.0.0, /path on SwiftShader (software)" */
  readonly description: string;
  readonly adapter: string;
  /** A page of its own, in a context (cache, process) of its own. */
  newPage(references: ReadonlyMap<string, Float64Array>): Promise<Page>;
  /** The same, whose page takes the first step of a contestant by itself: `firstStep`. */
  coldPage(name: ContestantName): Promise<Page>;
  close(): Promise<void>;
}

declare global {
  var peers: Peer;
  /** In a page that is opened for it: milliseconds from the navigation's start to the loss in the page, and the loss. */
  var firstStep: Promise<{ readonly ms: number; readonly loss: number }>;
}

export async function openBrowser(): Promise<PeerBrowser> {
  const found = await findChromium();
  await build({ configFile, logLevel: "warn" });
  const server = await preview({ configFile, logLevel: "warn" });
  const url = server.resolvedUrls!.local[0]!;
  const browser = await chromium.launch({ executablePath: found.executablePath, args: found.args, env: found.env });
  const open = async (): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => console.error(`page: ${error.message}`));
    return page;
  };
  const newPage: PeerBrowser["newPage"] = async (references) => {
    const page = await open();
    await page.route("**/reference/*", (route) => {
      const exact = references.get(decodeURIComponent(route.request().url().split("/").at(-1)!));
      if (!exact) return route.fulfill({ status: 404 });
      return route.fulfill({ body: Buffer.from(exact.buffer, exact.byteOffset, exact.byteLength) });
    });
    await page.goto(url);
    await page.waitForFunction(() => "peers" in globalThis);
    return page;
  };
  return {
    description: `Chromium ${browser.version()}, ${found.description.split("/").at(-1)}`,
    adapter: await adapterOf(browser, url),
    newPage,
    async coldPage(name) {
      const page = await open();
      await page.goto(`${url}?cold=${name}`);
      return page;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** The adapter's own words, as Chromium gives them. */
async function adapterOf(browser: Browser, url: string): Promise<string> {
  const page = await browser.newPage();
  try {
    await page.goto(url);
    const words = await page.evaluate(async () => {
      if (!crossOriginIsolated) throw new Error("the page is not cross-origin isolated: wasm would have no threads");
      const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
      const info = adapter?.info;
      return info ? [info.description || info.device, info.vendor, info.architecture].filter(Boolean) : [];
    });
    return words.join(", ") || "no WebGPU adapter";
  } finally {
    await page.close();
  }
}

/** A contestant in its page; null with the reason where it cannot be opened. */
export async function openContestant(
  browser: PeerBrowser,
  name: ContestantName,
  references: ReadonlyMap<string, Float64Array>,
): Promise<{ page: Page; description: string }> {
  const page = await browser.newPage(references);
  try {
    const opened = page.evaluate((n) => globalThis.peers.open(n), name);
    return { page, description: await within(opened, OPEN_MS) };
  } catch (error) {
    await page.context().close();
    throw error;
  }
}
