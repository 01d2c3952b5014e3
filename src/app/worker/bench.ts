import { crossoverWidth } from "../../bench/crossover.ts";
import { type BenchReport, emptyReport } from "../../bench/report.ts";
import { runBench, type Section } from "../../bench/run.ts";
import { reportMarkdown } from "../../bench/tables.ts";
import { benchDirections, type DirectionRow } from "../../bench/tutorial.ts";
import { openCpu, openGpu } from "./devices.ts";
import type { BenchNews } from "./types.ts";

let running: AbortController | null = null;

/** Runs the sections, and tells of every row as it is measured. */
export async function benchmark(
  { sections, max }: { readonly sections: readonly Section[]; readonly max: number },
  listener: (report: BenchReport, progress: BenchNews) => void,
): Promise<void> {
  running?.abort();
  const abort = new AbortController();
  running = abort;
  const gpu = (await openGpu()).backend;
  const cpu = await openCpu();
  const report = emptyReport({
    date: new Date().toISOString(),
    chainrule: __VERSION__,
    runtime: navigator.userAgent,
    processor: `${navigator.hardwareConcurrency} threads`,
    adapter: gpu && {
      description: gpu.description,
      software: gpu.gpu.caps.onCpu,
      features: gpu.gpu.features,
      limits: gpu.gpu.caps,
    },
  });
  try {
    for await (const progress of runBench({ gpu, cpu, sections, max, signal: abort.signal }, report)) {
      listener(report, { ...progress, crossover: crossoverWidth(report.crossover) });
      // The page's calls (cancel) come between.
      await new Promise((resolve) => setTimeout(resolve));
    }
    listener(report, { label: "", share: 1, crossover: crossoverWidth(report.crossover) });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
}

export function markdown(report: BenchReport): string {
  return reportMarkdown(report);
}

export function cancel(): void {
  running?.abort();
}

/** The same gradient from the front and backward, counted. */
export async function directions(): Promise<readonly DirectionRow[]> {
  const rows: DirectionRow[] = [];
  for await (const row of benchDirections()) rows.push(row);
  return rows;
}
