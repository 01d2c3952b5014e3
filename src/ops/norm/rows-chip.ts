import { gradientOfLogit, isLabel, lossOfRow } from "../../../shaders/loss/cross-entropy.ts";
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
      const value = gradientOfLogit(rowElement(x!, row, j), isLabel(index.text(j), labels!.at(row)));
      w.add(`${rowElement(dx!, row, j)} = ${value};`, COST.function);
    });
  });
};
