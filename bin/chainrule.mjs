#!/usr/bin/env node
import { existsSync } from "node:fs";

/** The command `chainrule`. In a clone it runs the TypeScript source; in a built package, the compiled one. */
const source = new URL("../src/cli/main.ts", import.meta.url);
if (existsSync(source)) {
  try {
    const { register } = await import("tsx/esm/api");
    register();
    const { ensureWasm } = await import("../scripts/wasm.mjs");
    await ensureWasm();
  } catch {
    console.error("chainrule: the packages that it needs are not installed; run `npm install` first.");
    process.exit(1);
  }
  await import(source.href);
} else {
  await import(new URL("../dist/cli/main.js", import.meta.url).href);
}
