import { isLabel } from "../../../shaders/loss/cross-entropy.ts";
import {
  nanForNone,
  termOfClass,
  weightedGradientOfLogit,
  weightedLossOfRow,
} from "../../../shaders/loss/weighted-cross-entropy.ts";
import { softmaxOf } from "../../../shaders/norm/rows.ts";
import { float } from "../../../shaders/params.ts";
import { type ChipValue, type ChipWriter, index } from "../../graph/chip.ts";
import { expSumOnChip } from "../norm/rows-chip.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";

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
      const value = weightedGradientOfLogit(isLabel(index.text(j), labels.at(row)), weights.at(j), sums.at(1));
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
