import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Builds the command as it is published, once for all tests that run it: from its sources each run compiles them again,
 * which takes four times what starting the built one does. Where it lies goes into the environment.
 */
export async function setup(): Promise<void> {
  const stage = join(root, "dist/command-under-test");
  rmSync(stage, { recursive: true, force: true });
  for (const path of ["package.json", "bin", "public/data"]) {
    cpSync(join(root, path), join(stage, path), { recursive: true });
  }
  const { build } = await import("vite");
  const outDir = join(stage, "dist");
  await build({ configFile: join(root, "vite.node.config.ts"), root, logLevel: "warn", build: { outDir } });
  process.env.CHAINRULE_UNDER_TEST = stage;
}
