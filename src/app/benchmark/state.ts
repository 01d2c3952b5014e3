import { signal } from "@preact/signals";
import { proxy } from "comlink";
import { parseReport } from "../../bench/parse-report.ts";
import type { BenchReport } from "../../bench/report.ts";
import type { Section } from "../../bench/run.ts";
import { parseJson } from "../../io/json/parse.ts";
import { engine } from "../state/engine.ts";
import { enqueue, playing } from "../state/store.ts";

export const sections: readonly Section[] = ["ceilings", "matmul", "step", "conv", "sequence", "crossover", "logging"];
export const chosen = signal<readonly Section[]>(["ceilings", "matmul", "step", "crossover"]);
export const max = signal(256);
export const report = signal<BenchReport | null>(null);
export const earlier = signal<BenchReport | null>(null);
export const running = signal(false);
/** Counts up with every row. */
export const version = signal(0);
export const progress = signal({ label: "", share: 0, seconds: 0 });
/** The width from which on the GPU wins, as the engine's own rule has it. */
export const crossing = signal<number | null>(null);

export function start(): void {
  report.value = null;
  running.value = true;
  progress.value = { label: "", share: 0, seconds: 0 };
  const began = performance.now();
  enqueue(async () => {
    try {
      await engine.benchmark(
        { sections: chosen.value, max: max.value },
        proxy((found, { label, share, crossover }) => {
          report.value = found;
          crossing.value = crossover;
          progress.value = { label: label || progress.value.label, share, seconds: (performance.now() - began) / 1000 };
          version.value++;
        }),
      );
    } finally {
      running.value = false;
      playing.value = false;
    }
  });
}

export function cancel(): void {
  void engine.cancelBenchmark();
}

/** A report of an earlier run; null where the text is none. */
export function reportFrom(text: string): BenchReport | null {
  try {
    return parseReport(parseJson("report", text));
  } catch {
    return null;
  }
}
