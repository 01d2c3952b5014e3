import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import site from "../../vite.config.ts";

/** What a contestant needs at once comes as one file, as bundles of pages do. */
const inOneFile = { output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial" as const] }] } } };

/** The page that the driver opens once for each contestant, isolated like the project's own, so that wasm has threads. */
export default defineConfig({
  root: fileURLToPath(new URL("./page", import.meta.url)),
  base: "./",
  publicDir: false,
  // TensorFlow.js gives the source text of its wasm module to its threads: names must stay as they are.
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "esnext",
    minify: false,
    chunkSizeWarningLimit: 4096,
    rolldownOptions: inOneFile,
  },
  worker: { format: "es", rolldownOptions: inOneFile },
  preview: { ...site.preview, port: 0, open: false },
});
