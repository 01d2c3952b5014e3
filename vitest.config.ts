import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ensureWasm } from "./scripts/wasm.mjs";
import { type Chromium, findChromium } from "./src/platform/chromium.ts";
import { ROUGH } from "./test/setup/rough.ts";
import { SlowFirst } from "./test/setup/slow-first.ts";
import { SlowestFiles } from "./test/setup/slowest-files.ts";
import { thorough } from "./test/shared/thorough.ts";

await ensureWasm();

/** At most eight: each has an adapter or a browser of its own, and some hundred megabytes. */
const WORKERS = Math.min(availableParallelism(), 8);
/** What drives a page waits for it much of the time: two more keep the cores busy. */
const WAITING_WORKERS = Math.min(availableParallelism() + 2, 8);

/**
 * Eight projects, in groups one after the other; `npm test -- --project gpu` runs one.
 * A test that needs an adapter or a browser fails where there is none, and says how to get one.
 */
const node = (name: string, folder: string, order: number): NonNullable<TestProjectInlineConfiguration["test"]> => ({
  name,
  include: [`test/${folder}/**/*.test.ts`],
  environment: "node",
  // For a busy machine: alone none takes more than a few seconds.
  testTimeout: 30_000,
  pool: "forks",
  // Files of a process share its modules, its adapter and a device, and so what was compiled: test/shared/gpu.ts.
  isolate: false,
  // A software adapter, too, compiles on one core, and compiling is most of what a test of kernels takes.
  maxWorkers: WORKERS,
  sequence: { groupOrder: order },
});

/** What these see depends on how busy the machine is: they run alone. */
const timed = ["load", "shell"].map((name) => `test/browser/${name}.test.ts`);
/** Files share a process, so what drives the browser is loaded once, and the browser started once. */
const page = { globalSetup: ["test/setup/site.ts"], testTimeout: 60_000, hookTimeout: 60_000, isolate: false };

const gpu = { setupFiles: ["test/setup/gpu.ts"], hookTimeout: 60_000 };

export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, "dist/**"],
    passWithNoTests: false,
    allowOnly: !process.env.CI,
    reporters: ["default", new SlowestFiles()],
    sequence: { sequencer: SlowFirst },
    // What one project has transformed the next one takes, by its content.
    experimental: { fsModuleCache: true },
    projects: [
      { test: node("unit", "unit", 0) },
      { test: node("wasm", "wasm", 0) },
      { test: { ...node("gpu", "gpu", 1), ...gpu, testTimeout: 120_000 } },
      {
        test: {
          ...node("train", "train", 1),
          ...gpu,
          globalSetup: ["test/setup/command.ts"],
          testTimeout: 120_000,
        },
      },
      { test: await chrome() },
      {
        test: {
          ...node("package", "package", 2),
          globalSetup: ["test/setup/package.ts"],
          testTimeout: 60_000,
          maxWorkers: WAITING_WORKERS,
        },
      },
      { test: { ...node("page", "browser", 2), ...page, exclude: timed, maxWorkers: WAITING_WORKERS } },
      { test: { ...node("page-timed", "browser", 3), ...page, include: timed, maxWorkers: 1 } },
    ],
  },
});

/** Tests that run inside Chrome, where navigator.gpu is the browser's own. */
async function chrome(): Promise<NonNullable<TestProjectInlineConfiguration["test"]>> {
  // No browser is an error of this project alone: test/setup/chrome.ts raises it.
  const found: Chromium | null = await findChromium().catch(() => null);
  const launchOptions = found
    ? { executablePath: found.executablePath, args: [...found.args, ROUGH], env: found.env }
    : {};
  return {
    name: "chrome",
    provide: { thorough },
    include: ["test/chrome/**/*.test.ts"],
    globalSetup: ["test/setup/chrome.ts"],
    testTimeout: 60_000,
    // It takes its turn beside the workers, not as one of them: with those that wait now and then.
    maxWorkers: WORKERS,
    sequence: { groupOrder: 1 },
    browser: {
      enabled: true,
      headless: true,
      fileParallelism: false,
      screenshotFailures: false,
      provider: playwright({ launchOptions }),
      instances: [{ browser: "chromium" }],
    },
  };
}
