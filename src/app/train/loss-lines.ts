import { classColour, css, token } from "../draw/colours.ts";
import type { Line } from "../draw/plot.tsx";
import { kept, live, type Run } from "../state/runs.ts";
import { evaluation } from "../state/store.ts";
import { say } from "./strings.ts";

export const colourOf = (run: Run): string => (run.colour === 0 ? token("--accent") : css(classColour(run.colour)));

/** The lines of every run, and of the one that trains more: its raw values and what whole data sets gave. */
export function lossLines(level: number): readonly Line[] {
  const now = live.value;
  const lines: Line[] = kept.value.map((r) => ({
    label: r.name,
    colour: colourOf(r),
    width: 1.5,
    x: r.curve.steps,
    y: r.curve.levels[level]!,
  }));
  const { steps, levels } = now.curve;
  const colour = colourOf(now);
  const raw: Line = { label: say(level > 0 ? "raw" : "loss"), colour, width: 1.5, x: steps, y: levels[0]! };
  if (level === 0) lines.push(raw);
  else {
    lines.push({ ...raw, colour: token("--line-strong"), width: 1 });
    lines.push({ ...raw, label: say("trend"), width: 2, y: levels[level]! });
  }
  const { evaluations } = now;
  const on = evaluation.value?.on ?? "test";
  const warm = token("--warm");
  lines.push({
    label: say(on === "test" ? "test" : "all"),
    colour: warm,
    width: 1.5,
    dash: [5, 4],
    points: evaluations.steps.length < 30,
    x: evaluations.steps,
    y: evaluations.losses,
  });
  return lines;
}
