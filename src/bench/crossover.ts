import type { Backend } from "../backend/executor.ts";
import { benchSteps, mlp } from "./step.ts";

/** A width at which both were timed: three equal layers, Adam. */
export interface CrossoverRow {
  readonly width: number;
  readonly batch: number;
  /** False means that a gradient was wrong, and that nothing was timed. */
  readonly verified: boolean;
  readonly gpuMs: number | null;
  readonly cpuMs: number | null;
}

const BATCH = 32;
/** The CPU is beaten for good: wider nets would only take longer. */
const CLEAR = 4;

/** The ladder of widths, a factor of about 1.5 apart, up to `max`. */
export function crossoverWidths(max: number): readonly number[] {
  return [4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048].filter((w) => w <= max);
}

/** Times one width after the other on GPU and CPU, in turns; stops when the GPU has clearly won. */
export async function* benchCrossover(options: {
  readonly gpu: Backend;
  readonly cpu: Backend;
  readonly max: number;
  readonly signal?: AbortSignal;
}): AsyncGenerator<CrossoverRow> {
  const backends = [options.gpu, options.cpu];
  for (const width of crossoverWidths(options.max)) {
    const sizes = [mlp(`${width}x3`, [width, width, width, width], BATCH)];
    const ms: (number | null)[] = [];
    for await (const row of benchSteps({ ...options, backends, sizes })) ms.push(row.ms?.median ?? null);
    const [gpuMs = null, cpuMs = null] = ms;
    yield { width, batch: BATCH, verified: gpuMs !== null && cpuMs !== null, gpuMs, cpuMs };
    if (gpuMs !== null && cpuMs !== null && cpuMs > CLEAR * gpuMs) return;
  }
}

/** The width from which on the GPU's step was the faster one at every width measured; null where there is none. */
export function crossoverWidth(rows: readonly CrossoverRow[]): number | null {
  let from: number | null = null;
  for (const { width, gpuMs, cpuMs } of rows) {
    if (gpuMs === null || cpuMs === null) continue;
    if (gpuMs >= cpuMs) from = null;
    else from ??= width;
  }
  return from;
}
