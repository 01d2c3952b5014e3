import type { TestProject } from "vitest/node";
import { findChromium } from "../../src/platform/chromium.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the built page is served. */
    siteUrl: string;
  }
}

/** Builds the page as it is published and serves it while the tests of the project run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await findChromium();
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
  project.provide("siteUrl", `http://localhost:${address.port}/`);
  return () => server.close();
}
