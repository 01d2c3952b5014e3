import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { ensureWasm } from "./scripts/wasm.mjs";

await ensureWasm();

/** What the published page may do: run its own files, and nothing else. The development server needs more. */
const policy = [
  "default-src 'none'",
  // The CPU path compiles its WebAssembly; no other code may be made at run time.
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  // No text becomes a script, or markup that could hold one; the one exception is the engine's own address (engine.ts).
  "require-trusted-types-for 'script'",
  "trusted-types chainrule-worker",
].join("; ");

const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy }, injectTo: "head-prepend" },
  ],
};

/** SharedArrayBuffer, which the threads of the CPU path share, is given only to pages that are isolated like this. */
const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8")) as { version: string };

/**
 * What a page or its engine needs at once comes as one file, and what the first net needs beside it as another: fewer
 * requests, and more for gzip to find alike. What starts the worker is a script of its own before the page's, which runs
 * while that one is still fetched and read.
 */
const groups = [
  { name: "worker-start", test: /\/app\/state\/worker\.ts$/, priority: 1 },
  { name: "first", tags: ["$initial" as const] },
  { name: "whole-steps", test: /\/webgpu\/(whole-steps|launcher)\.ts$/ },
];
const inOneFile = { output: { codeSplitting: { groups } } };

/** The page: index.html -> dist/site. It works from any path of any static host. */
export default defineConfig({
  base: "./",
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [contentSecurityPolicy],
  // Browsers with WebGPU preload modules themselves.
  build: { outDir: "dist/site", emptyOutDir: true, modulePreload: { polyfill: false }, rolldownOptions: inOneFile },
  worker: { format: "es", rolldownOptions: inOneFile },
  server: { headers: isolated },
  preview: { headers: isolated, host: "127.0.0.1", port: 5173 },
});
