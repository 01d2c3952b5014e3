import { gradientOfLogit, lossOfRow } from "../../../shaders/loss/cross-entropy.ts";
import {
  nanForNone,
  termOfClass,
  weightedGradientOfLogit,
  weightedLossOfRow,
} from "../../../shaders/loss/weighted-cross-entropy.ts";
import { softmaxGradientOf, softmaxOf } from "../../../shaders/norm/rows.ts";
import { float } from "../../../shaders/params.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";

/** Ops over rows, an invocation a row. The formulas are those of the kernels: shaders/norm/rows.ts, shaders/loss/cross-entropy.ts. */

/** `top` and `sum`: a row's maximum, and the sum of exp(x - top). */
export function expSumOnChip(w: ChipWriter, x: ChipValue, row: Index): void {
  const N = x.shape[1]!;
  w.add(`var top = ${rowElement(x, row, 0)};`);
  w.loop(1, N, (j) => w.add(`top = max(top, ${rowElement(x, row, j)});`));
  w.add("var sum = 0.0;");
  w.loop(0, N, (j) => w.add(`sum += exp(${rowElement(x, row, j)} - top);`, COST.function));
}

export const softmaxOnChip: OnChip<null> = (w, [x], [y]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    expSumOnChip(w, x!, row);
    w.loop(0, N, (j) => w.add(`${rowElement(y!, row, j)} = ${softmaxOf(rowElement(x!, row, j))};`, COST.function));
  });
};

export const softmaxGradientOnChip: OnChip<null> = (w, [dy, y], [dx]) => {
  const [M, N] = y!.shape as readonly [number, number];
  w.each(M, (row) => {
    const of = (v: ChipValue, j: Index): string => rowElement(v, row, j);
    w.add("var dot = 0.0;");
    w.loop(0, N, (j) => w.add(`dot += ${of(dy!, j)} * ${of(y!, j)};`));
    w.loop(0, N, (j) => w.add(`${of(dx!, j)} = ${softmaxGradientOf(of(dy!, j), of(y!, j))};`));
  });
};

export const crossEntropyOnChip: OnChip<null> = (w, [x, labels], [y]) => {
  const [M, N] = x!.shape as readonly [number, number];
  const total = w.total([[0, M]], (row, partial) => {
    expSumOnChip(w, x!, row);
    // The label is known only when this runs: its logit is picked, so that no element is read at a computed place.
    w.add("var own = 0.0;");
    w.loop(0, N, (j) =>
      w.add(`own = select(own, ${rowElement(x!, row, j)}, u32(${labels!.at(row)}) == ${index.text(j)});`),
    );
    w.add(`${partial} += ${lossOfRow("own")};`, COST.function);
  });
  w.once(() => w.add(`${y!.at(0)} = ${total} * ${float(1 / M)};`));
};

export const crossEntropyGradientOnChip: OnChip<null> = (w, [x, labels, dloss], [dx]) => {
  const [M, N] = x!.shape as readonly [number, number];
  w.each(M, (row) => {
    expSumOnChip(w, x!, row);
    w.add(`let scale = ${dloss!.at(0)} * ${float(1 / M)};`);
    w.loop(0, N, (j) => {
      const value = gradientOfLogit(rowElement(x!, row, j), index.text(j), labels!.at(row));
      w.add(`${rowElement(dx!, row, j)} = ${value};`, COST.function);
    });
  });
};

/** The numbers of a weighted row; the label's own weight is picked, as its logit is, and none for a row that does not count. */
function weightedNumbers(w: ChipWriter, x: ChipValue, label: string, weights: ChipValue, smoothing: number): void {
  const N = x.shape[1]!;
  w.add(`const smoothing = ${float(smoothing)}; let share = select(0.0, ${float(smoothing / N)}, ${label} >= 0);`);
  w.add("var own = 0.0;");
  w.loop(0, N, (j) => w.add(`own = select(own, ${weights.at(j)}, u32(${label}) == ${index.text(j)});`));
}

type Weighted = OnChip<{ readonly smoothing: number }>;

export const weightedCrossEntropyOnChip: Weighted = (w, [x, labels, weights, sums], [y], { smoothing }) => {
  const [M, N] = x!.shape as readonly [number, number];
  const total = w.total([[0, M]], (row, partial) => {
    expSumOnChip(w, x!, row);
    weightedNumbers(w, x!, labels!.at(row), weights!, smoothing);
    w.add("let logSum = log(sum); var spread = 0.0; var logit = 0.0;", COST.function);
    w.loop(0, N, (j) => {
      const at = rowElement(x!, row, j);
      w.add(`spread = fma(${weights!.at(j)}, ${termOfClass(at)}, spread);`);
      w.add(`logit = select(logit, ${at}, u32(${labels!.at(row)}) == ${index.text(j)});`);
    });
    w.add(`${partial} += ${weightedLossOfRow("logit", sums!.at(0))};`);
  });
  w.once(() => w.add(`${y!.at(0)} = ${total};`));
};

export const weightedCrossEntropyGradientOnChip: Weighted = (w, inputs, [dx], { smoothing }) => {
  const [x, labels, dloss, weights, sums] = inputs as readonly [ChipValue, ChipValue, ChipValue, ChipValue, ChipValue];
  const [M, N] = x.shape as readonly [number, number];
  w.each(M, (row) => {
    expSumOnChip(w, x, row);
    weightedNumbers(w, x, labels.at(row), weights, smoothing);
    w.add(`let scale = ${dloss.at(0)} / ${sums.at(0)};`);
    w.loop(0, N, (j) => {
      w.add(`let p = ${softmaxOf(rowElement(x, row, j))};`, COST.function);
      const value = weightedGradientOfLogit(index.text(j), labels.at(row), weights.at(j), sums.at(1));
      w.add(`${rowElement(dx!, row, j)} = ${value};`);
    });
  });
};

export const classWeightSumsOnChip: OnChip<null> = (w, [labels, weights], [sums]) => {
  const [M, N] = [labels!.shape[0]!, weights!.shape[0]!];
  const rows = w.total([[0, M]], (row, partial) => {
    w.loop(0, N, (j) => {
      w.add(`${partial} += select(0.0, ${weights!.at(j)}, u32(${labels!.at(row)}) == ${index.text(j)});`);
    });
  });
  const classes = w.total([[0, N]], (j, partial) => w.add(`${partial} += ${weights!.at(j)};`));
  w.once(() => w.add(`${sums!.at(0)} = ${nanForNone(rows)}; ${sums!.at(1)} = ${classes};`));
};

export const countCorrectOnChip: OnChip<null> = (w, [x, labels], [y]) => {
  const [M, N] = x!.shape as readonly [number, number];
  const total = w.total([[0, M]], (row, partial) => {
    w.add(`var best = 0u; var most = ${rowElement(x!, row, 0)};`);
    w.loop(1, N, (j) => {
      const logit = rowElement(x!, row, j);
      w.add(`let larger = ${logit} > most;`);
      w.add(`best = select(best, ${index.text(j)}, larger); most = select(most, ${logit}, larger);`);
    });
    w.add(`${partial} += select(0.0, 1.0, best == u32(${labels!.at(row)}));`);
  });
  w.once(() => w.add(`${y!.at(0)} = ${total};`));
};
