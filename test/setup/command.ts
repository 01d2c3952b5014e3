import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleLibrary } from "../../scripts/library.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Builds the command and the library as they are published, once for all tests that run them or programs with them: from
 * their sources each run compiles them again, which takes four times what starting the built ones does. Where they lie
 * goes into the environment.
 */
export async function setup(): Promise<void> {
  const stage = join(root, "dist/command-under-test");
  rmSync(stage, { recursive: true, force: true });
  for (const path of ["package.json", "bin", "public/data"]) {
    cpSync(join(root, path), join(stage, path), { recursive: true });
  }
  const { build } = await import("vite");
  const outDir = join(stage, "dist");
  await bundleLibrary(join(stage, "dist/lib"));
  await build({ configFile: join(root, "vite.node.config.ts"), root, logLevel: "warn", build: { outDir } });
  process.env.CHAINRULE_UNDER_TEST = stage;
}
