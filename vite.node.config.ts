import { defineConfig } from "vite";

/**
 * What Node runs by itself: dist/cli/main.js and dist/bench/hardware.js need no package but webgpu. The CPU's threads are
 * started from a file beside the one that starts them.
 */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "dist",
    // The page and the library lie there too.
    emptyOutDir: false,
    target: "node20",
    minify: false,
    ssr: true,
    rolldownOptions: {
      input: {
        "cli/main": "src/cli/main.ts",
        "bench/hardware": "bench/hardware.ts",
        "node/thread": "src/backend/wasm/thread.js",
      },
      external: ["webgpu", "@sparticuz/chromium"],
      output: { entryFileNames: "[name].js", chunkFileNames: "node/[name].js" },
    },
  },
  ssr: { noExternal: true },
});
