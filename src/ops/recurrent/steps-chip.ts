import { float } from "../../../shaders/params.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { OnChip } from "../shared/chip.ts";
import type { RecurrentAttrs } from "./dims.ts";

/** Element j of step t of row `row` of a value [n, t, k]. */
const element = (x: ChipValue, row: Index, t: Index, j: Index): string => {
  const [, steps, width] = x.shape as readonly [number, number, number];
  return x.at(index.plus(index.times(index.plus(index.times(row, steps), t), width), j));
};

export const previousStepsOnChip: OnChip<RecurrentAttrs> = (w, [x], [y], { reverse }) => {
  const [rows, steps, width] = x!.shape as readonly [number, number, number];
  w.each(rows * width, (i) => {
    const row = w.name(index.over(i, width));
    const j = w.name(index.rest(i, width));
    w.add(`${element(y!, row, reverse ? steps - 1 : 0, j)} = 0.0;`);
    w.loop(0, steps - 1, (t) => {
      const [to, from] = reverse ? [t, index.plus(t, 1)] : [index.plus(t, 1), t];
      w.add(`${element(y!, row, to, j)} = ${element(x!, row, from, j)};`);
    });
  });
};

const countOf = (lengths: ChipValue | undefined, row: Index, steps: number): string =>
  lengths ? `u32(clamp(${lengths.at(row)}, 0, ${steps}))` : `${steps}u`;

/** `count` and `share`: steps of a row that count, and what each of them weighs. */
function count(w: ChipWriter, lengths: ChipValue | undefined, row: Index, steps: number, mean: boolean): void {
  w.add(`let count = ${countOf(lengths, row, steps)};`);
  w.add(`let share = ${mean ? `1.0 / f32(max(count, 1u))` : float(1)};`);
}

const counts = (mean: boolean, t: Index): string => `${index.text(t)} ${mean ? "< count" : "+ 1u == count"}`;

export function ofStepsOnChip(w: ChipWriter, [x, lengths]: readonly ChipValue[], y: ChipValue, mean: boolean): void {
  const [rows, steps, width] = x!.shape as readonly [number, number, number];
  w.each(rows * width, (i) => {
    const row = w.name(index.over(i, width));
    const j = w.name(index.rest(i, width));
    count(w, lengths, row, steps, mean);
    w.add("var sum = 0.0;");
    w.loop(0, steps, (t) => w.add(`sum += select(0.0, ${element(x!, row, t, j)}, ${counts(mean, t)});`));
    w.add(`${y.at(i)} = sum * share;`);
  });
}

export function eachStepOnChip(w: ChipWriter, [dy, lengths]: readonly ChipValue[], dx: ChipValue, mean: boolean): void {
  const [rows, steps, width] = dx.shape as readonly [number, number, number];
  w.each(rows * width, (i) => {
    const row = w.name(index.over(i, width));
    const j = w.name(index.rest(i, width));
    count(w, lengths, row, steps, mean);
    w.add(`let d = ${dy!.at(i)} * share;`);
    w.loop(0, steps, (t) => w.add(`${element(dx, row, t, j)} = select(0.0, d, ${counts(mean, t)});`));
  });
}
