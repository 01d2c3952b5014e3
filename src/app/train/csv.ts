import { smoothing } from "../state/curve.ts";
import type { Run } from "../state/runs.ts";

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** Every point that is kept of every run; the loss raw and at each level of smoothing. */
export function curvesCsv(runs: readonly Run[]): string {
  const levels = smoothing.map((a) => (a === 0 ? "loss" : `loss smoothed ${a}`));
  const lines = [["run", "step", ...levels, "gradient norm", "learning rate"].join(",")];
  for (const { name, curve } of runs) {
    curve.steps.forEach((step, i) => {
      const values = [step, ...curve.levels.map((l) => l[i]!), curve.norms[i]!, curve.rates[i]!];
      lines.push([quoted(name), ...values].join(","));
    });
  }
  return `${lines.join("\n")}\n`;
}
