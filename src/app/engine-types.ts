import type { BenchRow } from "../bench/matmul.ts";
import type { StepRow } from "../bench/step.ts";
import type { GradientReport } from "../check/gradients.ts";
import type { MeasuredBackend } from "../train/choose.ts";
import type { Evaluation } from "../train/evaluation.ts";
import type { Settings } from "./settings.ts";

/** Which device computes this run, and why. */
export interface AdapterInfo {
  readonly kind: "webgpu" | "cpu";
  readonly description: string;
  /** Why WebGPU cannot be had; null where it can. */
  readonly missing: string | null;
  readonly software: boolean;
  /** Steps a second of each candidate, the chosen one first; empty where there was no choice. */
  readonly measured: readonly MeasuredBackend[];
}

export interface RunInfo {
  readonly adapter: AdapterInfo;
  readonly rows: number;
  readonly testRows: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly batchRows: number;
  readonly stepsPerEpoch: number;
  readonly classes: number;
  /** Some training points, where inputs are two numbers: x [n, 2] flat, and their classes. */
  readonly points: { readonly x: Float32Array; readonly labels: Int32Array } | null;
}

/** News from the worker, a few times a second. */
export interface Progress {
  readonly step: number;
  readonly steps: readonly number[];
  readonly losses: readonly number[];
  readonly stepsPerSecond: number;
  readonly evaluation: (Evaluation & { readonly on: "train" | "test" }) | null;
  /** Class of each cell of a square grid over [-1, 1] scaled by `extent`, with how sure the net is. */
  readonly boundary: {
    readonly size: number;
    readonly extent: number;
    readonly classes: Uint8Array;
    readonly sure: Float32Array;
  } | null;
  readonly error: string | null;
  readonly playing: boolean;
}

export type BenchEvent = { readonly product: BenchRow } | { readonly step: StepRow };

/** What the worker offers; every call is asynchronous across Comlink. */
export interface Engine {
  configure(settings: Settings): Promise<RunInfo>;
  play(listener: (p: Progress) => void): Promise<void>;
  pause(): Promise<void>;
  step(): Promise<Progress>;
  reset(): Promise<Progress>;
  gradients(): Promise<GradientReport>;
  benchmark(max: number, listener: (e: BenchEvent) => void): Promise<void>;
  cancelBenchmark(): void;
}
