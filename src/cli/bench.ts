import { writeFile } from "node:fs/promises";
import { cpuBackend } from "../backend/cpu.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { type BenchReport, emptyReport, wrongRows } from "../bench/report.ts";
import { runBench, type Section, sections } from "../bench/run.ts";
import { headLines, reportMarkdown, reportTables } from "../bench/tables.ts";
import { ChainruleError } from "../core/errors.ts";
import { matmul } from "../ops/matmul/matmul.ts";
import { precisions } from "../train/f16/precision.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { directions } from "./bench-tutorial.ts";
import { nodeEnvironment } from "./environment.ts";
import { clearProgress, note, print, progress, table } from "./output.ts";
import { choiceFlag, countFlag, parse } from "./usage.ts";

const help = `Usage: chainrule bench [${sections.join("|")}|tutorial] [options]

Measures this adapter's own limits, the three matrix products (matmul, transposeMatmul both ways, outerProduct), whole
training steps on GPU and CPU, convolutions with both their gradients and steps of nets of them (conv), steps of nets of sequences (sequence), the width from
which the GPU is faster, and what logging the loss costs. Nothing is timed before its result has been verified against f64. Without a name: all of it. Ctrl-C ends with what was measured.
tutorial: gradients from the front (forward mode) against backward, counted and timed, as depth and width grow.

  --max <N>           widest layer (default 512)
  --only <name>       the same as naming it
  --precision <P>     f32 (default) or f16: training steps with products of halves, beside those in f32
  --rung <name>       time this kernel of the ladder: naive, block64, block128, direct, ...
  --backend <B>       auto (default), webgpu, cpu or reference
  --json [FILE|-]     the report as JSON, to a file or to stdout in place of the tables
  --markdown <FILE|-> the report as Markdown`;

const options = {
  max: { type: "string" },
  only: { type: "string" },
  rung: { type: "string" },
  precision: { type: "string" },
  backend: { type: "string" },
  json: { type: "string" },
  markdown: { type: "string" },
} as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(bareJson(args), options, [0, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const names = [...sections, "tutorial"] as const;
  const what = choiceFlag("only", values.only, names) ?? choiceFlag("name", positionals[0], names);
  const max = countFlag("max", values.max) ?? 512;
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const rung = values.rung === undefined ? undefined : rungFlag(values.rung);
  const precision = choiceFlag("precision", values.precision, precisions) ?? "f32";
  if (precision === "f16" && what !== undefined && what !== "step") {
    throw new ChainruleError("usage", `--precision f16 is for training steps, not for ${what}`);
  }
  const abort = new AbortController();
  process.on("SIGINT", () => (abort.signal.aborted ? process.exit(130) : abort.abort()));
  if (what === "tutorial") return tutorial(values.json, abort.signal);
  const backend = await openBackend(choice);
  const report = emptyReport(nodeEnvironment(backend));
  const gpu = backend.kind === "webgpu" ? (backend as WebGpuBackend) : null;
  if (precision === "f16" && !gpu) {
    throw new ChainruleError("usage", "--precision f16 is timed on a GPU: a CPU computes halves only to check");
  }
  const wanted: readonly Section[] = what ? [what] : sections;
  const cpu = gpu ? await cpuBackend() : backend;
  const plan = { gpu, cpu, sections: wanted, max, rung, precision, signal: abort.signal };
  const start = performance.now();
  try {
    for await (const { label, share } of runBench(plan, report)) progress(`${label}${timeLeft(start, share)}`);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
  clearProgress();
  await writeReport(report, values.json, values.markdown);
  const wrong = wrongRows(report);
  if (wrong.length > 0) note(`wrong results, not timed: ${wrong.join(", ")}`);
  if (!report.complete) note("stopped: the report holds what was measured until then");
  return wrong.length > 0 ? 1 : report.complete ? 0 : 130;
}

async function tutorial(json: string | undefined, signal: AbortSignal): Promise<number> {
  if (json !== undefined && json !== "-") {
    throw new ChainruleError("usage", `tutorial writes its JSON to stdout: --json, not --json ${json}`);
  }
  try {
    return await directions(json === "-", signal);
  } catch (error) {
    if (signal.aborted) throw new ChainruleError("aborted", "stopped");
    throw error;
  }
}

/** `--json` by itself, as every other command has it, writes to stdout. */
function bareJson(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    const next = args[i + 1];
    return arg === "--json" && (next === undefined || next.startsWith("--")) ? ["--json", "-"] : [arg];
  });
}

/** A rung of the matmul ladder by name. */
function rungFlag(name: string): string {
  const rungs = matmul.kernels.map((k) => k.name.split("/")[1]!);
  return choiceFlag("rung", name, rungs)!;
}

/** ", about 40 s left", once enough is done to say so. */
function timeLeft(start: number, share: number): string {
  const seconds = (performance.now() - start) / 1000;
  if (share < 0.02) return "";
  const left = (seconds / share) * (1 - share);
  return `, ${Math.round(share * 100)} %, about ${left < 90 ? `${Math.round(left)} s` : `${Math.round(left / 60)} min`} left`;
}

async function writeReport(report: BenchReport, json: string | undefined, markdown: string | undefined): Promise<void> {
  const outputs = [
    [json, () => `${JSON.stringify(report, null, 1)}\n`],
    [markdown, () => reportMarkdown(report)],
  ] as const;
  for (const [target, text] of outputs) {
    if (target === undefined) continue;
    if (target === "-") process.stdout.write(text());
    else {
      await writeFile(target, text()).catch((cause: Error) => {
        throw new ChainruleError("file", `cannot write ${target}: ${cause.message}`, { cause });
      });
    }
  }
  if (json === "-" || markdown === "-") return;
  print(headLines(report).join("\n"));
  for (const t of reportTables(report)) print(`\n${table(t.header, t.rows)}${t.note ? `\n${t.note}` : ""}`);
}
