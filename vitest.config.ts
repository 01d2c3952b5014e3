import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ensureWasm } from "./scripts/wasm.mjs";
import { type Chromium, findChromium } from "./src/platform/chromium.ts";

await ensureWasm();

/**
 * Seven projects, one after the other; `npm test -- --project gpu` runs one.
 * A test that needs an adapter or a browser fails where there is none, and says how to get one.
 */
const node = (name: string, folder: string, order: number): NonNullable<TestProjectInlineConfiguration["test"]> => ({
  name,
  include: [`test/${folder}/**/*.test.ts`],
  environment: "node",
  pool: "forks",
  sequence: { groupOrder: order },
});

/** A software adapter takes all the cores that it finds: files share the machine, two cores for each. */
const gpuWorkers = Math.max(1, Math.floor(availableParallelism() / 2));

/** No zeros in fresh workgroup memory, as in Node (DIRTY_MEMORY): stricter, and far quicker to compile on SwiftShader. */
const ROUGH = "--enable-dawn-features=disable_workgroup_init";

export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, "dist/**"],
    passWithNoTests: false,
    allowOnly: !process.env.CI,
    projects: [
      { test: node("unit", "unit", 0) },
      { test: node("wasm", "wasm", 0) },
      { test: { ...node("gpu", "gpu", 1), ...gpu(), testTimeout: 60_000 } },
      { test: { ...node("train", "train", 2), ...gpu(), testTimeout: 120_000 } },
      { test: await chrome() },
      {
        test: {
          ...node("package", "package", 4),
          globalSetup: ["test/setup/package.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...node("page", "browser", 5),
          globalSetup: ["test/setup/site.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

function gpu() {
  return { setupFiles: ["test/setup/gpu.ts"], maxWorkers: gpuWorkers, hookTimeout: 60_000 };
}

/** Tests that run inside Chrome, where navigator.gpu is the browser's own. */
async function chrome(): Promise<NonNullable<TestProjectInlineConfiguration["test"]>> {
  // No browser is an error of this project alone: test/setup/chrome.ts raises it.
  const found: Chromium | null = await findChromium().catch(() => null);
  const launchOptions = found
    ? { executablePath: found.executablePath, args: [...found.args, ROUGH], env: found.env }
    : {};
  return {
    name: "chrome",
    include: ["test/chrome/**/*.test.ts"],
    globalSetup: ["test/setup/chrome.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    sequence: { groupOrder: 3 },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions }),
      instances: [{ browser: "chromium" }],
    },
  };
}
