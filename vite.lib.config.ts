import { defineConfig } from "vite";
import { ensureWasm } from "./scripts/wasm.mjs";

await ensureWasm();

/** The library: dist/lib, ES modules. The declarations beside them come from tsconfig.build.json. */
export default defineConfig({
  publicDir: false,
  // Threads are a file of their own, found beside the library wherever that is.
  base: "./",
  worker: { format: "es" },
  build: {
    outDir: "dist/lib",
    emptyOutDir: true,
    target: "es2023",
    minify: false,
    sourcemap: true,
    lib: {
      formats: ["es"],
      entry: {
        index: "src/index.ts",
        node: "src/node.ts",
        check: "src/check/index.ts",
        custom: "src/custom.ts",
        io: "src/io/index.ts",
      },
    },
    rolldownOptions: { external: [/^node:/, "webgpu", "@sparticuz/chromium"] },
  },
});
