import { short } from "../core/format.ts";
import { ceilingOf } from "./ceiling.ts";
import { crossoverWidth } from "./crossover.ts";
import { LOGGING_LIMIT } from "./logging.ts";
import type { BenchRow } from "./matmul.ts";
import type { BenchReport } from "./report.ts";
import type { Timing } from "./stats.ts";

/** A table for people, on a terminal or in Markdown. */
export interface TableText {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** A sentence under the table; "" for none. */
  readonly note: string;
}

/** "1.2 (1.1-1.4)": median, fastest and slowest sample. */
export const spread = (t: Timing | null): string => (t ? `${short(t.median)} (${short(t.low)}-${short(t.high)})` : "-");
const number = (value: number | null): string => (value === null ? "-" : short(value));
const share = (value: number | null, of: number | null): string =>
  value === null || of === null ? "-" : `${((100 * value) / of).toPrecision(3)} %`;

/** Every section of the report that has rows. */
export function reportTables(report: BenchReport): readonly TableText[] {
  const tables = [ceilingTable(report), productTable(report), convolutionTable(report), stepTable(report)];
  return [...tables, crossoverTable(report), loggingTable(report)].filter((t) => t.rows.length > 0);
}

/** Where it ran, in lines. */
export function headLines(report: BenchReport): readonly string[] {
  const { adapter, date, chainrule, runtime, processor, complete } = report;
  const software = "This is a software adapter: ratios within this report mean something, absolute figures do not.";
  return [
    `Adapter: ${adapter?.description ?? "none"}`,
    `Processor: ${processor}`,
    `Chainrule ${chainrule}, ${runtime}, ${date}`,
    ...(adapter?.software ? [software] : []),
    ...(complete ? [] : ["Stopped before the end: the tables hold what was measured."]),
  ];
}

function ceilingTable({ ceilings }: BenchReport): TableText {
  return {
    header: ["ceiling of this adapter", "measured", "unit", "ms of a sample"],
    rows: ceilings.map((c) => [c.what, c.verified ? number(c.value) : "WRONG", c.unit, spread(c.ms)]),
    note: "",
  };
}

/** Products that move more than they compute: one row, or the outer product. */
const isMemoryBound = ({ M, K }: BenchRow): boolean => M === 1 || K === 1;

function productTable({ products, ceilings }: BenchReport): TableText {
  const fma = ceilingOf(ceilings, "fma");
  const copy = ceilingOf(ceilings, "copy");
  return {
    header: [
      "product M x N x K",
      "kernel",
      "first ms",
      "GPU ms",
      "GFLOP/s",
      "of FMA",
      "GB/s",
      "of copy",
      "CPU ms",
      "GFLOP/s",
    ],
    rows: products.map((r) => [
      r.name,
      r.verified ? r.kernel : `${r.kernel}: WRONG`,
      number(r.firstMs),
      spread(r.gpuMs),
      number(r.gflops),
      share(r.gflops, fma),
      isMemoryBound(r) ? number(r.gbps) : "-",
      isMemoryBound(r) ? share(r.gbps, copy) : "-",
      spread(r.cpuMs),
      number(r.cpuGflops),
    ]),
    note: "first: compiling, upload and one run with its readback. GB/s count operands and result once.",
  };
}

function convolutionTable({ convolutions, ceilings }: BenchReport): TableText {
  const fma = ceilingOf(ceilings, "fma");
  return {
    header: ["convolution", "kernel", "first ms", "GPU ms", "GFLOP/s", "of FMA", "CPU ms", "GFLOP/s"],
    rows: convolutions.map((r) => [
      r.name,
      r.verified ? r.kernel : `${r.kernel}: WRONG`,
      number(r.firstMs),
      spread(r.gpuMs),
      number(r.gflops),
      share(r.gflops, fma),
      spread(r.cpuMs),
      number(r.cpuGflops),
    ]),
    note: "forward, and the gradients of the input and of the kernel (weight). Products with zeros of the padding count.",
  };
}

function stepTable({ steps }: BenchReport): TableText {
  return {
    header: ["training step", "batch", "parameters", "backend", "first ms", "ms", "steps/s"],
    rows: steps.map((r) => [
      r.name,
      String(r.batch),
      String(r.parameters),
      r.backend,
      number(r.firstMs),
      r.verified ? spread(r.ms) : "WRONG",
      number(r.stepsPerSecond),
    ]),
    note: "first: from the options to the first loss, with recording and compiling.",
  };
}

function crossoverTable({ crossover }: BenchReport): TableText {
  const width = crossoverWidth(crossover);
  const widest = crossover.at(-1)?.width;
  return {
    header: ["width of three layers", "batch", "GPU ms", "CPU ms", "CPU / GPU"],
    rows: crossover.map((r) => [
      String(r.width),
      String(r.batch),
      r.verified ? number(r.gpuMs) : "WRONG",
      r.verified ? number(r.cpuMs) : "WRONG",
      r.gpuMs !== null && r.cpuMs !== null ? number(r.cpuMs / r.gpuMs) : "-",
    ]),
    note:
      width === null
        ? `No crossover: up to a width of ${widest} the GPU's step is never the faster one for good.`
        : `From a width of ${width} on the GPU's step is faster.`,
  };
}

function loggingTable({ logging }: BenchReport): TableText {
  const late = logging.filter((r) => r.overhead > LOGGING_LIMIT);
  return {
    header: ["loss every 10 steps against never", "backend", "every 10, ms", "never, ms", "overhead"],
    rows: logging.map((r) => [
      r.name,
      r.backend,
      spread(r.every10),
      spread(r.never),
      `${(100 * r.overhead).toPrecision(2)} %`,
    ]),
    note: late.length > 0 ? `More than the ${100 * LOGGING_LIMIT} % that reporting may cost.` : "",
  };
}

/** The whole report as Markdown. */
export function reportMarkdown(report: BenchReport): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  const one = ({ header, rows, note }: TableText): string =>
    [row(header), row(header.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(row), "", note]
      .join("\n")
      .trimEnd();
  const head = headLines(report).join("  \n");
  return `${["# Benchmark", head, ...reportTables(report).map(one)].join("\n\n")}\n`;
}
