import { softmaxGradientOf, softmaxOf } from "../../../shaders/norm/rows.ts";
import type { ChipValue, Index } from "../../graph/chip.ts";
import { COST, type OnChip, rowElement } from "../shared/chip.ts";
import { expSumOnChip } from "./rows-chip.ts";

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
