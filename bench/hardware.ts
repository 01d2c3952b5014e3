import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cpuBackend } from "../src/backend/cpu.ts";
import type { WebGpuBackend } from "../src/backend/webgpu/backend.ts";
import { webgpuBackend } from "../src/backend/webgpu/backend.ts";
import { createNodeGpu, listNodeAdapters } from "../src/backend/webgpu/node.ts";
import { emptyReport, wrongRows } from "../src/bench/report.ts";
import { runBench, sections } from "../src/bench/run.ts";
import { reportMarkdown } from "../src/bench/tables.ts";
import { nodeEnvironment } from "../src/cli/environment.ts";
import { type ConformanceReport, conformOps } from "./hardware/kernels.ts";
import { checkNets, type GradientReport } from "./hardware/nets.ts";
import { type NodeRow, timeNodes } from "./hardware/nodes.ts";
import { type RungRow, timeRungs } from "./hardware/rungs.ts";
import { timeWholeSteps, type WholeStepRow } from "./hardware/whole-steps.ts";
import { type VendorLimits, vendorLimits } from "./vendor.ts";

const parts = ["kernels", "gradients", "vendor", "rungs", "nodes", "whole-steps", "benchmark"] as const;

/**
 * Everything that a machine with a GPU can say of Chainrule, in one run:
 *   node dist/bench/hardware.js OUT [MAX] [--parts kernels,gradients,vendor,rungs,nodes,whole-steps,benchmark] [--shard 0/8] [--match WORD]
 * every kernel on every case, those of halves and of matrix instructions too; gradient checks of several nets; what the
 * vendor's own library does on the same device, where python3 has torch with CUDA; every kernel of the ladders of products
 * and convolutions, timed; each kind of node of some nets' steps, timed;
 * whole steps as one kernel beside the same as dispatches; the benchmark up to MAX wide (default 4096) with training steps in f32 and f16. OUT gets JSON
 * and Markdown. --match leaves only the ops, nets and problems with that word in their name. Checks are one thread's work in f64: --shard 0/8 to 7/8 share them among eight processes.
 * The exit status is 1 where anything was wrong.
 */
const usage = `Usage: node dist/bench/hardware.js OUT [MAX] [--parts ${parts.join(",")}] [--shard 0/8] [--match WORD]`;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: "string", default: parts.join(",") },
    shard: { type: "string", default: "0/1" },
    match: { type: "string", default: "" },
  },
});
const [out, widest = "4096"] = positionals;
const chosen = values.parts.split(",");
const [index = Number.NaN, of = Number.NaN] = values.shard.split("/").map(Number);
if (!out || !chosen.every((p) => (parts as readonly string[]).includes(p)) || !(index >= 0 && index < of)) {
  console.error(usage);
  process.exit(2);
}
const wants = (part: (typeof parts)[number]): boolean => chosen.includes(part);
mkdirSync(out, { recursive: true });
const start = performance.now();
const say = (line: string): void =>
  console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}`);

for (const a of await listNodeAdapters()) say(`adapter ${a.name} (${a.backend}, ${a.source})`);
const gpu = await webgpuBackend(await createNodeGpu({ experimental: true }));
say(`in use: ${gpu.description}`);
const share = { index, of, match: values.match };
const conformance: ConformanceReport = { runs: 0, wrong: [] };
const gradients: GradientReport[] = [];
const rungs: RungRow[] = [];
const nodes: NodeRow[] = [];
const wholeSteps: WholeStepRow[] = [];
let vendor: VendorLimits = { device: "", library: "", rows: [], error: "it was not asked for" };
if (wants("kernels")) await conformOps(gpu.gpu, share, conformance, say);
if (wants("gradients")) await checkNets(gpu, share, gradients, say);
gpu.dispose();
// A device of its own: what the checks compiled must not count as compiled in the benchmark.
const fresh = await webgpuBackend(await createNodeGpu({ experimental: true }));
const bench = emptyReport(nodeEnvironment(fresh));
// The vendor's figures come first: they take a minute, the benchmark may be cut short.
if (wants("vendor")) {
  vendor = vendorLimits(Number(widest));
  say(vendor.error ?? `${vendor.device}: ${vendor.rows.length} figures of ${vendor.library}`);
}
if (wants("rungs")) await ladders(fresh);
if (wants("nodes")) await steps(fresh);
if (wants("whole-steps")) await forms(fresh);
if (wants("benchmark")) await benchmark(fresh);
save();
const wrong = [
  ...conformance.wrong,
  ...gradients.filter((g) => !g.pass).map((g) => g.name),
  ...rungs.filter((r) => !r.verified).map((r) => `${r.kernel} of ${r.name}`),
  ...wholeSteps.filter((r) => !r.verified).map((r) => `steps of ${r.net}`),
  ...wrongRows(bench),
];
say(wrong.length === 0 ? "all right" : `WRONG: ${wrong.join("; ")}`);
// Dawn keeps threads of its own.
process.exit(wrong.length === 0 ? 0 : 1);

async function ladders(backend: WebGpuBackend): Promise<void> {
  for await (const row of timeRungs(backend, Number(widest), values.match)) {
    rungs.push(row);
    const figure = row.verified ? `${row.ms!.toPrecision(3)} ms, ${row.gflops!.toFixed(0)} GFLOP/s` : "WRONG";
    say(`${row.name} by ${row.kernel}${row.guessed ? " (first guess)" : ""}: ${figure}`);
  }
  save();
}

async function steps(backend: WebGpuBackend): Promise<void> {
  for await (const row of timeNodes(backend, values.match)) {
    nodes.push(row);
    say(`${row.net}: ${row.count} x ${row.ms.toPrecision(3)} ms ${row.call} by ${row.kernel}`);
  }
  save();
}

async function forms(backend: WebGpuBackend): Promise<void> {
  for await (const row of timeWholeSteps(backend, await cpuBackend())) {
    wholeSteps.push(row);
    const whole = row.wholeMs === null ? "none" : `${row.wholeMs.toPrecision(3)} ms`;
    const form = `whole ${whole} (${row.work ?? "-"} statements), as dispatches ${row.dispatchesMs.toPrecision(3)} ms (${row.nodes} nodes)`;
    say(`steps of ${row.net}: ${row.verified ? form : "WRONG"}`);
  }
  save();
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
  const results = {
    format: "chainrule-hardware",
    version: 2,
    conformance,
    gradients,
    rungs,
    nodes,
    wholeSteps,
    bench,
    vendor,
  };
  writeFileSync(join(out!, "hardware.json"), `${JSON.stringify(results, null, 1)}\n`);
  writeFileSync(join(out!, "hardware.md"), markdown());
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

function markdown(): string {
  const limits = vendor.rows.map((r) => [r.name, r.ms.toPrecision(4), r.tflops.toPrecision(4)]);
  const timed = rungs.map((r) => [
    r.name,
    r.guessed ? `**${r.kernel}**` : r.kernel,
    r.ms?.toPrecision(3) ?? "WRONG",
    r.gflops?.toFixed(0) ?? "-",
  ]);
  const kinds = nodes.map((n) => [n.net, n.call, n.kernel, String(n.count), n.ms.toPrecision(3)]);
  return [
    "# Hardware",
    `Conformance: ${conformance.runs - conformance.wrong.length} of ${conformance.runs} kernel runs right.`,
    `Gradient checks: ${gradients.map((g) => `${g.name} ${g.pass ? "proved" : "WRONG"}`).join(", ")}.`,
    vendor.error ? `The vendor's library was not measured: ${vendor.error}` : `${vendor.device}, ${vendor.library}`,
    ...(limits.length > 0 ? [table(["the vendor's library", "ms", "TFLOP/s"], limits)] : []),
    ...(timed.length > 0 ? [table(["problem", "kernel (first guess bold)", "ms", "GFLOP/s"], timed)] : []),
    ...(kinds.length > 0 ? [table(["net", "node", "kernel", "times", "ms of one"], kinds)] : []),
    reportMarkdown(bench).replace("# Benchmark", "## Benchmark"),
  ].join("\n\n");
}
