import type { TestProject } from "vitest/node";
import { findChromium } from "../../src/platform/chromium.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the built page is served. */
    siteUrl: string;
  }
}

interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Projects load this file each for themselves; the site is one, and stays until the last of them has ended. */
const shared = globalThis as { siteUnderTest?: { readonly site: Promise<Site>; users: number } };

/** Builds the page as it is published and serves it while the tests of the project run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await findChromium();
  shared.siteUnderTest ??= { site: serve(), users: 0 };
  const { siteUnderTest } = shared;
  siteUnderTest.users++;
  const { url, close } = await siteUnderTest.site;
  project.provide("siteUrl", url);
  return async () => {
    if (--siteUnderTest.users === 0) await close();
  };
}

async function serve(): Promise<Site> {
  const { build, preview } = await import("vite");
  const outDir = "dist/site-under-test";
  // Vitest sets NODE_ENV to "test"; the published page is built for production.
  const saved = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({ configFile: "vite.config.ts", mode: "production", logLevel: "warn", build: { outDir } });
  process.env.NODE_ENV = saved;
  const server = await preview({ configFile: "vite.config.ts", build: { outDir }, preview: { port: 0, open: false } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("vite preview has no port");
  return { url: `http://localhost:${address.port}/`, close: () => server.close() };
}
