import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuBackend } from "../src/backend/cpu.ts";
import type { WebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { webgpuBackend } from "../src/backend/webgpu/backend.ts";
import { createNodeGpu, listNodeAdapters } from "../src/backend/webgpu/node.ts";
import { emptyReport, wrongRows } from "../src/bench/report.ts";
import { runBench, sections } from "../src/bench/run.ts";
import { mlp, sample } from "../src/bench/step.ts";
import { reportMarkdown } from "../src/bench/tables.ts";
import { conformAll } from "../src/check/conformance.ts";
import { checkGradients } from "../src/check/gradients.ts";
import { nodeEnvironment } from "../src/cli/environment.ts";
import { initialise } from "../src/nn/initialise.ts";
import { trainingPresets } from "../src/nn/presets.ts";
import { ops } from "../src/ops/all.ts";
import { halfOps } from "../src/ops/half/ops.ts";
import { vendorLimits } from "./vendor.ts";

/**
 * Everything that a machine with a GPU can say of Chainrule, in one run:
 *   node dist/bench/hardware.js OUT [MAX]
 * every kernel on every case, those of halves and of matrix instructions too, gradient checks of several nets, the
 * benchmark up to MAX wide (default 4096) with training steps in f32 and f16, and, where python3 has torch with CUDA, what
 * the vendor's own library does on the same device. OUT gets JSON and Markdown.
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
const gpu = await webgpuBackend(await createNodeGpu({ experimental: true }));
say(`in use: ${gpu.description}`);
const conformance: { runs: number; wrong: string[] } = { runs: 0, wrong: [] };
const gradients: { name: string; pass: boolean; firstDivergent: string | null }[] = [];
await kernels(gpu);
await nets(gpu);
gpu.dispose();
// A device of its own: what the checks compiled must not count as compiled in the benchmark.
const fresh = await webgpuBackend(await createNodeGpu({ experimental: true }));
const bench = emptyReport(nodeEnvironment(fresh));
// The vendor's figures come first: they take a minute, the benchmark may be cut short.
const vendor = vendorLimits(Number(widest));
const { device: vendorDevice, library: vendorLibrary } = vendor;
say(vendor.error ?? `${vendorDevice}: ${vendor.rows.length} figures of ${vendorLibrary}`);
await benchmark(fresh);
save();
const wrong = [...conformance.wrong, ...gradients.filter((g) => !g.pass).map((g) => g.name), ...wrongRows(bench)];
say(wrong.length === 0 ? "all right" : `WRONG: ${wrong.join("; ")}`);
// Dawn keeps threads of its own.
process.exit(wrong.length === 0 ? 0 : 1);

async function kernels(backend: WebGpuBackend): Promise<void> {
  for (const op of [...ops, ...halfOps]) {
    const results = await conformAll(backend.gpu, [op]);
    conformance.runs += results.length;
    const failed = results.filter((r) => !r.pass);
    conformance.wrong.push(...failed.map((r) => `${r.kernel} (${r.case}): ${r.reason}`));
    say(`conformance of ${op.name}: ${results.length - failed.length} of ${results.length} kernel runs right`);
  }
}

/** Presets whose data needs no file, and nets of a real size on random rows. */
async function nets(backend: WebGpuBackend): Promise<void> {
  const presets = ["tutorial", "xor", "moons", "spirals", "digits"].map((name) => ({
    name,
    model: trainingPresets[name]!.model,
    rows: 16,
  }));
  const wide = [mlp("784-512-256-10", [784, 512, 256, 10], 64), mlp("512x3", [512, 512, 512, 512], 64)];
  for (const { name, model, rows } of [...presets, ...wide.map((w) => ({ ...w, rows: 16 }))]) {
    const { x, y } = sample(model, rows);
    const { pass, firstDivergent } = await checkGradients({ model, weights: initialise(model, 1), x, y, backend });
    say(`gradients of ${name}: ${pass ? "proved" : `WRONG from ${firstDivergent}`}`);
    gradients.push({ name, pass, firstDivergent });
  }
}

async function benchmark(backend: WebGpuBackend): Promise<void> {
  const max = Number(widest);
  const signal = new AbortController().signal;
  const plan = { gpu: backend, cpu: await cpuBackend(), sections, max, precision: "f16" as const, signal };
  for await (const { label, share } of runBench(plan, bench)) {
    say(`${label} (${Math.round(100 * share)} %)`);
    save();
  }
}

/** After every row: a machine that is taken away leaves what was measured. */
function save(): void {
  const results = { format: "chainrule-hardware", version: 1, conformance, gradients, bench, vendor };
  writeFileSync(join(out!, "hardware.json"), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(out!, "hardware.md"), markdown());
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
        `${vendorDevice}, ${vendorLibrary}`,
        "",
        "| the vendor's library | ms | TFLOP/s |",
        "| --- | --: | --: |",
        ...rows,
      ].join("\n");
  return `# Hardware\n\n${lines.join("\n\n")}\n\n${limit}\n\n${reportMarkdown(bench).replace("# Benchmark", "## Benchmark")}`;
}
