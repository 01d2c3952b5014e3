import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { webgpuBackend } from "../src/backend/webgpu/backend.ts";
import { createNodeGpu, listNodeAdapters } from "../src/backend/webgpu/node.ts";
import { openCpu } from "../src/bench/cpu.ts";
import { emptyReport, wrongRows } from "../src/bench/report.ts";
import { runBench, sections } from "../src/bench/run.ts";
import { mlp, sample } from "../src/bench/step.ts";
import { reportMarkdown } from "../src/bench/tables.ts";
import { type ConformanceResult, conformAll } from "../src/check/conformance.ts";
import { checkGradients } from "../src/check/gradients.ts";
import { nodeEnvironment } from "../src/cli/environment.ts";
import { initialise } from "../src/nn/initialise.ts";
import { trainingPresets } from "../src/nn/presets.ts";
import { ops } from "../src/ops/index.ts";
import { vendorLimits } from "./vendor.ts";

/**
 * Everything that a machine with a GPU can say of Chainrule, in one run:
 *   node dist/bench/hardware.js OUT [MAX]
 * every kernel on every case, gradient checks of several nets, the benchmark up to MAX wide (default 4096), and, where
 * python3 has torch with CUDA, what the vendor's own library does on the same device. OUT gets JSON and Markdown.
 * The exit status is 1 where anything was wrong.
 */
const [out, widest = "4096"] = process.argv.slice(2);
if (!out) {
  console.error("Usage: node dist/bench/hardware.js OUT [MAX]");
  process.exit(2);
}
mkdirSync(out, { recursive: true });
const start = performance.now();
const say = (line: string): void =>
  console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}`);

for (const a of await listNodeAdapters()) say(`adapter ${a.name} (${a.backend}, ${a.source})`);
const gpu = await webgpuBackend(await createNodeGpu());
say(`in use: ${gpu.description}`);
const conformance = await kernels(gpu);
const gradients = await nets(gpu);
gpu.dispose();
// A device of its own: what the checks compiled must not count as compiled in the benchmark.
const fresh = await webgpuBackend(await createNodeGpu());
const bench = await benchmark(fresh);
const vendor = vendorLimits(Number(widest));
say(vendor.error ?? `${vendor.device}: ${vendor.rows.length} figures of ${vendor.library}`);

const wrong = [...conformance.wrong, ...gradients.filter((g) => !g.pass).map((g) => g.name), ...wrongRows(bench)];
const results = { format: "chainrule-hardware", version: 1, conformance, gradients, bench, vendor };
writeFileSync(join(out, "hardware.json"), `${JSON.stringify(results, null, 1)}\n`);
writeFileSync(join(out, "hardware.md"), markdown());
say(wrong.length === 0 ? "all right" : `WRONG: ${wrong.join("; ")}`);
// Dawn keeps threads of its own.
process.exit(wrong.length === 0 ? 0 : 1);

async function kernels(backend: WebGpuBackend): Promise<{ runs: number; wrong: readonly string[] }> {
  const results: ConformanceResult[] = [];
  for (const op of ops) {
    results.push(...(await conformAll(backend.gpu, [op])));
    say(`conformance of ${op.name}: ${results.length} kernel runs so far`);
  }
  const wrong = results.filter((r) => !r.pass).map((r) => `${r.kernel} (${r.case}): ${r.reason}`);
  say(`conformance: ${results.length - wrong.length} of ${results.length} kernel runs right`);
  return { runs: results.length, wrong };
}

/** Presets whose data needs no file, and nets of a real size on random rows. */
async function nets(backend: WebGpuBackend): Promise<{ name: string; pass: boolean; firstDivergent: string | null }[]> {
  const presets = ["tutorial", "xor", "moons", "spirals", "digits"].map((name) => ({
    name,
    model: trainingPresets[name]!.model,
    rows: 16,
  }));
  const wide = [mlp("784-512-256-10", [784, 512, 256, 10], 64), mlp("512x3", [512, 512, 512, 512], 64)];
  const results: { name: string; pass: boolean; firstDivergent: string | null }[] = [];
  for (const { name, model, rows } of [...presets, ...wide.map((w) => ({ ...w, rows: 16 }))]) {
    const { x, y } = sample(model, rows);
    const { pass, firstDivergent } = await checkGradients({ model, weights: initialise(model, 1), x, y, backend });
    say(`gradients of ${name}: ${pass ? "proved" : `WRONG from ${firstDivergent}`}`);
    results.push({ name, pass, firstDivergent });
  }
  return results;
}

async function benchmark(backend: WebGpuBackend) {
  const report = emptyReport(nodeEnvironment(backend));
  const max = Number(widest);
  const signal = new AbortController().signal;
  const plan = { gpu: backend, cpu: await openCpu(), sections, max, signal };
  for await (const { label, share } of runBench(plan, report)) say(`${label} (${Math.round(100 * share)} %)`);
  return report;
}

function markdown(): string {
  const lines = [
    `Conformance: ${conformance.runs - conformance.wrong.length} of ${conformance.runs} kernel runs right.`,
    `Gradient checks: ${gradients.map((g) => `${g.name} ${g.pass ? "proved" : "WRONG"}`).join(", ")}.`,
  ];
  const rows = vendor.rows.map((r) => `| ${r.name} | ${r.ms.toPrecision(4)} | ${r.tflops.toPrecision(4)} |`);
  const limit = vendor.error
    ? `The vendor's library was not measured: ${vendor.error}`
    : [
        `${vendor.device}, ${vendor.library}`,
        "",
        "| the vendor's library | ms | TFLOP/s |",
        "| --- | --: | --: |",
        ...rows,
      ].join("\n");
  return `# Hardware\n\n${lines.join("\n\n")}\n\n${limit}\n\n${reportMarkdown(bench).replace("# Benchmark", "## Benchmark")}`;
}
