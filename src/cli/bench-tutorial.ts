import { spread } from "../bench/tables.ts";
import { benchDirections, type DirectionRow } from "../bench/tutorial.ts";
import { short } from "../core/format.ts";
import { clearProgress, print, progress, table } from "./output.ts";

/** Gradients from the front against backward: the tutorial's own question, counted and timed. Gives the exit status. */
export async function directions(json: boolean, signal: AbortSignal): Promise<number> {
  const rows: DirectionRow[] = [];
  for await (const row of benchDirections(signal)) {
    rows.push(row);
    progress(`${row.layers} layers of ${row.width}`);
  }
  clearProgress();
  if (json) print(JSON.stringify(rows));
  else {
    const header = [
      "weight layers x width",
      "weights",
      "backward",
      "from the front",
      "ratio",
      "backward ms",
      "front ms",
      "difference",
    ];
    print(
      table(
        header,
        rows.map((r) => [
          `${r.layers} x ${r.width}`,
          String(r.weights),
          String(r.backward),
          String(r.forwardMode),
          `${short(r.forwardMode / r.backward)}x`,
          spread(r.backwardMs),
          spread(r.forwardModeMs),
          r.difference.toExponential(1),
        ]),
      ),
    );
    print(
      "\nCounts are multiplications. Backward needs one pass whatever the number of weights; the front one pass a weight.",
    );
  }
  return rows.every((r) => r.difference < 1e-9) ? 0 : 1;
}
