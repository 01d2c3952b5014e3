import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, preview } from "vite";
import { expect, inject, test } from "vitest";
import { complaints, launchBrowser } from "../setup/browser.ts";
import { learns, library } from "../shared/user-program.ts";

test("a project for Node trains on the CPU and on Dawn, checks gradients and writes weights", () => {
  const folder = inject("userProject");
  writeFileSync(
    join(folder, "train.mjs"),
    `import { ${library}, webgpuBackend } from "chainrule";
import { checkGradients } from "chainrule/check";
import { readWeights, writeWeights } from "chainrule/io";
import { createNodeGpu } from "chainrule/node";
const results = [];
const gpu = await webgpuBackend(await createNodeGpu());
for (const backend of [null, gpu]) {
  const result = [];
  ${learns("backend ? backend : { ...options, gpu: null }, backend ? options : undefined")}
  results.push(result);
}
const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const x = ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]);
const y = ndarray([4], "i32", [0, 1, 1, 0]);
const trainer = await createTrainer({ model, data: { x, y } });
const weights = readWeights(writeWeights(model, await trainer.parameters()), model);
results.push((await checkGradients({ model, weights, x, y, backend: gpu })).pass);
console.log(JSON.stringify(results));
process.exit(0);
`,
  );
  const run = spawnSync(process.execPath, ["train.mjs"], { cwd: folder, encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  const [cpu, gpu, pass] = JSON.parse(run.stdout);
  expect(cpu).toEqual([expect.any(Number), 1, expect.stringContaining("WebAssembly")]);
  expect(gpu).toEqual([expect.any(Number), 1, expect.stringContaining("WebGPU")]);
  expect(Math.abs(cpu[0] - gpu[0])).toBeLessThan(1e-3);
  expect(pass).toBe(true);
});

test("the installed command trains", () => {
  const folder = inject("userProject");
  const command = join(folder, "node_modules/.bin/chainrule");
  const args = ["train", "xor", "--backend", "cpu", "--json"];
  const run = spawnSync(process.execPath, [command, ...args], { cwd: folder, encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout).steps).toBe(500);
});

test("a Vite app trains on WebGPU in the page and on all threads in its worker", async () => {
  const root = join(inject("userProject"), "app");
  mkdirSync(root, { recursive: true });
  writeFileSync(
    join(root, "index.html"),
    `<!doctype html><title>…</title><script type="module" src="./main.js"></script>`,
  );
  writeFileSync(
    join(root, "main.js"),
    `import { ${library}, webgpuBackend } from "chainrule";
const result = [];
const backend = await webgpuBackend();
${learns("backend, options")}
new Worker(new URL("./worker.js", import.meta.url), { type: "module" }).onmessage = ({ data }) => {
  window.results = [result, data];
};
`,
  );
  writeFileSync(
    join(root, "worker.js"),
    `import { ${library} } from "chainrule";
const result = [];
${learns("{ ...options, gpu: null }")}
postMessage(result);
`,
  );
  const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const config = { root, configFile: false, logLevel: "error", worker: { format: "es" } } as const;
  await build({ ...config, build: { target: "es2022" } });
  const server = await preview({ ...config, preview: { port: 0, open: false, headers: isolated } });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const found = complaints(page);
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.waitForFunction(() => "results" in window, undefined, { timeout: 40_000 });
    const [gpu, cpu] = (await page.evaluate(() => Reflect.get(window, "results"))) as unknown[][];
    expect(gpu).toEqual([expect.any(Number), 1, expect.stringContaining("WebGPU")]);
    expect(cpu).toEqual([expect.any(Number), 1, expect.stringMatching(/WebAssembly SIMD, \d+ thread/)]);
    const threads = await page.evaluate(() => navigator.hardwareConcurrency);
    if (threads > 1) expect(cpu![2]).not.toContain("1 thread,");
    expect(found).toEqual([]);
  } finally {
    await browser.close();
    await server.close();
  }
});
