import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import type { Precision } from "../train/f16/precision.ts";
import { benchCeilings } from "./ceilings.ts";
import { benchConvolutions, convolutionSizes } from "./convolution.ts";
import { convolutionWork } from "./convolution-problem.ts";
import { benchCrossover, crossoverWidths } from "./crossover.ts";
import { imageSteps } from "./image-nets.ts";
import { benchLogging } from "./logging.ts";
import { benchMatmul, productSizes } from "./matmul.ts";
import type { BenchReport } from "./report.ts";
import { sequenceSteps } from "./sequence-nets.ts";
import { benchSteps, entriesOf, stepSizes, workOf } from "./step.ts";

export const sections = ["ceilings", "matmul", "step", "conv", "sequence", "crossover", "logging"] as const;
export type Section = (typeof sections)[number];

export interface BenchPlan {
  readonly gpu: WebGpuBackend | null;
  readonly cpu: Backend;
  readonly sections: readonly Section[];
  /** Widest layer and largest square product. */
  readonly max: number;
  readonly rung?: string | undefined;
  /** Of training steps; with f16 they are timed in f32 too. Default f32. */
  readonly precision?: Precision;
  readonly signal: AbortSignal;
}

export interface BenchProgress {
  /** What was measured last. */
  readonly label: string;
  /** Share of the expected work that is done, 0 to 1. */
  readonly share: number;
}

/** One measurement's share of the whole: a part that is always there, and one that grows with its multiply-adds. */
const weight = (multiplyAdds: number): number => 1 + multiplyAdds / 5e7;
/** Measurements of the section of ceilings. */
const CEILINGS = 8;

/**
 * Runs the sections that were asked for and adds what they measure to `report`, row by row, so that a run that is
 * stopped leaves what it has. Without a GPU only what the CPU can do is measured.
 */
export async function* runBench(plan: BenchPlan, report: BenchReport): AsyncGenerator<BenchProgress> {
  const { gpu, cpu, max, precision = "f32", signal } = plan;
  const wants = (s: Section): boolean => plan.sections.includes(s);
  const products = wants("matmul") ? productSizes(max) : [];
  const backends: readonly Backend[] = gpu ? [gpu, cpu] : [cpu];
  const convolutions = wants("conv") ? convolutionSizes() : [];
  const steps = [
    ...(wants("step") ? stepSizes(max) : []),
    ...(wants("conv") ? imageSteps : []),
    ...(wants("sequence") ? sequenceSteps : []),
  ];
  const entries = entriesOf(backends, precision).length;
  const widths = wants("crossover") && gpu ? crossoverWidths(max) : [];
  const weights = {
    ceilings: wants("ceilings") && gpu ? CEILINGS : 0,
    products: products.map((p) => weight(p.M * p.N * p.K)),
    convolutions: convolutions.map((c) => weight(convolutionWork(c))),
    steps: steps.map((s) => weight(workOf(s)) / entries),
    widths: widths.map((w) => weight(300 * w * w)),
    logging: wants("logging") ? 3 : 0,
  };
  const all = [...weights.products, ...weights.convolutions, ...weights.widths, weights.ceilings, weights.logging];
  const total = all.reduce((a, b) => a + b, 0) + entries * weights.steps.reduce((a, b) => a + b, 0);
  let done = 0;
  const progress = (label: string, share: number): BenchProgress => {
    done += share;
    return { label, share: Math.min(1, done / total) };
  };
  if (wants("ceilings") && gpu) {
    for await (const row of benchCeilings(gpu, { signal })) {
      report.ceilings.push(row);
      yield progress(`ceiling: ${row.what}`, 1);
    }
  }
  const rung = plan.rung === undefined ? {} : { rung: plan.rung };
  for await (const row of benchMatmul({ gpu, cpu, sizes: products, signal, ...rung })) {
    report.products.push(row);
    yield progress(row.name, weights.products[report.products.length - 1]!);
  }
  for await (const row of benchConvolutions({ gpu, cpu, sizes: convolutions, signal })) {
    report.convolutions.push(row);
    yield progress(row.name, weights.convolutions[report.convolutions.length - 1]!);
  }
  for await (const row of benchSteps({ backends, sizes: steps, precision, signal })) {
    report.steps.push(row);
    yield progress(row.name, weights.steps[Math.floor((report.steps.length - 1) / entries)]!);
  }
  if (gpu && widths.length > 0) {
    for await (const row of benchCrossover({ gpu, cpu, max, signal })) {
      report.crossover.push(row);
      yield progress(`crossover: width ${row.width}`, weights.widths[report.crossover.length - 1]!);
    }
  }
  if (wants("logging")) {
    for (const backend of backends) {
      report.logging.push(await benchLogging(backend, signal));
      yield progress("logging", weights.logging / backends.length);
    }
  }
  report.complete = true;
}
