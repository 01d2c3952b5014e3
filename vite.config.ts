import { defineConfig } from "vite";

/** SharedArrayBuffer, which the threads of the CPU path share, is given only to pages that are isolated like this. */
const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The page: index.html -> dist/site. It works from any path of any static host. */
export default defineConfig({
  base: "./",
  build: { outDir: "dist/site", emptyOutDir: true },
  worker: { format: "es" },
  server: { headers: isolated },
  preview: { headers: isolated, host: "127.0.0.1", port: 5173 },
});
