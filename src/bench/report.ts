import type { DeviceCaps } from "../graph/op.ts";
import type { Ceiling } from "./ceiling.ts";
import type { ConvolutionRow } from "./convolution.ts";
import type { CrossoverRow } from "./crossover.ts";
import type { LoggingRow } from "./logging.ts";
import type { BenchRow } from "./matmul.ts";
import type { StepRow } from "./step.ts";

/** Where a benchmark ran: without it, figures mean nothing. */
export interface BenchEnvironment {
  /** ISO 8601. */
  readonly date: string;
  /** This project's version. */
  readonly chainrule: string;
  /** "Node v20.19.0 with Dawn, linux x64", or a browser's name. */
  readonly runtime: string;
  /** The processor and its number of threads, as the system names them. */
  readonly processor: string;
  /** Null where there is no WebGPU. */
  readonly adapter: {
    readonly description: string;
    /** True: ratios within this report mean something, absolute figures do not. */
    readonly software: boolean;
    readonly features: readonly string[];
    readonly limits: DeviceCaps;
  } | null;
}

/** Everything that one run measured. Lists grow while it runs. */
export interface BenchReport extends BenchEnvironment {
  readonly format: "chainrule-bench";
  /** Goes up when a field changes its meaning. */
  readonly version: 1;
  /** False when the run was stopped before its end. */
  complete: boolean;
  readonly ceilings: Ceiling[];
  readonly products: BenchRow[];
  readonly convolutions: ConvolutionRow[];
  readonly steps: StepRow[];
  readonly crossover: CrossoverRow[];
  readonly logging: LoggingRow[];
}

export function emptyReport(environment: BenchEnvironment): BenchReport {
  return {
    format: "chainrule-bench",
    version: 1,
    ...environment,
    complete: false,
    ceilings: [],
    products: [],
    convolutions: [],
    steps: [],
    crossover: [],
    logging: [],
  };
}

/** Names of everything whose result was wrong. */
export function wrongRows(report: BenchReport): readonly string[] {
  const { ceilings, products, convolutions, steps, crossover } = report;
  return [
    ...ceilings.filter((r) => !r.verified).map((r) => `ceiling ${r.name}`),
    ...[...products, ...convolutions].filter((r) => !r.verified).map((r) => r.name),
    ...steps.filter((r) => !r.verified).map((r) => `${r.name} on ${r.backend}`),
    ...crossover.filter((r) => !r.verified).map((r) => `crossover at ${r.width}`),
  ];
}
