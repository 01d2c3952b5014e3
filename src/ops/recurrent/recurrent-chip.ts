import { type CellText, cellFunctions, cellTexts, ofOneRow } from "../../../shaders/recurrent/cells.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { COST, type OnChip } from "../shared/chip.ts";
import type { Cell } from "./cells.ts";
import { type RecurrentAttrs, recurrentDims } from "./dims.ts";
import { gradientInputs } from "./reference.ts";

/**
 * Recurrences in the kernel of whole steps: an invocation has rows of the batch to itself, and goes through their steps and
 * units in order. Steps behind a row's length are gone through too and hold 0, so that no place depends on a length.
 */

/** The cells' texts are of four rows at once; here of one. Values of the graph are called v0, v1 ... too. */
const alone = (text: string): string => ofOneRow(text).replace(/\bv(\d)\b/g, "kept$1");

/**
 * What a unit's step costs beside the terms that are counted: transcendental functions, and that rows lie far apart, so that
 * a term takes a CPU's adapter some four times as long as one of a product.
 */
const unitCost = ({ gates }: Cell, h: number): number => 5 * COST.function + 4 * gates * h;

/** a - k */
const less = (a: number, k: Index): Index => (typeof k === "number" ? a - k : `(${a}u - ${k})`);

/** A recurrence at one step: where its values lie. */
class Step {
  constructor(
    private readonly row: Index,
    private readonly steps: number,
    readonly t: Index,
  ) {}

  /** Element q of this step of a value [n, t, ...]; or, `by` steps on, of another. */
  at(x: ChipValue, q: Index, by = 0): Index {
    const width = x.shape.slice(2).reduce((a, b) => a * b, 1);
    const t = by < 0 ? minusOne(this.t) : index.plus(this.t, by);
    return index.plus(index.times(index.plus(index.times(this.row, this.steps), t), width), q);
  }
}

const minusOne = (t: Index): Index => (typeof t === "number" ? t - 1 : `(${t} - 1u)`);

/** A value where step t of a row counts, 0 where it does not; of rows that all count the value. */
function counting(w: ChipWriter, lengths: ChipValue | undefined, row: Index, t: Index, steps: number) {
  if (!lengths) return (value: string): string => value;
  const counts = w.name(`(${index.text(t)} < u32(clamp(${lengths.at(row)}, 0, ${steps})))`);
  return (value: string): string => `select(0.0, ${value}, ${counts})`;
}

/** Unit j of the g-th of what a step has h of. */
const unit = (g: number, h: number, j: Index): Index => index.plus(g * h, j);

export function recurrentOnChip(cell: Cell): OnChip<RecurrentAttrs> {
  const text: CellText = cellTexts[cell.name];
  return (w, [x, weights, inputBias, hiddenBias, lengths], [y, saved], { reverse }) => {
    const { rows, steps, h } = recurrentDims(x!, weights!);
    w.declare(alone(cellFunctions));
    const back = reverse ? 1 : -1;
    w.each(rows, (row) => {
      const step = (k: Index, first: boolean): void => {
        const s = new Step(row, steps, w.name(reverse ? less(steps - 1, k) : k));
        const kept = counting(w, lengths, row, s.t, steps);
        w.loop(
          0,
          h,
          (j) => {
            for (let g = 0; g < cell.gates; g++) {
              const q = w.name(unit(g, h, j));
              w.add(`let x${g} = ${x!.at(s.at(x!, q))} + ${inputBias!.at(q)};`);
              const sum = first
                ? "0.0"
                : w.dot(
                    h,
                    { value: weights!, from: index.times(q, h), stride: 1 },
                    { value: y!, from: s.at(y!, 0, back), stride: 1 },
                  );
              w.add(`let s${g} = ${sum} + ${hiddenBias!.at(q)};`);
            }
            w.add(`let before = ${first ? "0.0" : y!.at(s.at(y!, j, back))};`);
            if (cell.cell >= 0)
              w.add(`let cell = ${first ? "0.0" : saved!.at(s.at(saved!, unit(cell.cell, h, j), back))};`);
            w.add(alone(text.step), unitCost(cell, h));
            w.add(`${y!.at(s.at(y!, j))} = ${kept("made")};`);
            for (let k = 0; k < cell.saved; k++)
              w.add(`${saved!.at(s.at(saved!, unit(k, h, j)))} = ${kept(`kept${k}`)};`);
          },
          true,
        );
      };
      step(0, true);
      w.loop(1, steps, (k) => step(k, false), true);
    });
  };
}

export function recurrentGradientOnChip(cell: Cell): OnChip<RecurrentAttrs> {
  const text: CellText = cellTexts[cell.name];
  return (w, inputs, [dx, dhidden], { reverse }) => {
    const { dy, saved, y, w: weights, lengths } = gradientInputs(cell, inputs);
    const { rows, steps, h } = recurrentDims(dy, weights);
    const sums = dhidden ?? dx!;
    w.declare(alone(cellFunctions));
    const back = reverse ? 1 : -1;
    w.each(rows, (row) => {
      if (text.carries) w.add(`var carried: array<f32, ${h}>;`);
      /** The k-th step from the end: what stands behind it, and whether anything stands before it. */
      const step = (k: Index, last: boolean, first: boolean): void => {
        const s = new Step(row, steps, w.name(reverse ? k : less(steps - 1, k)));
        const kept = counting(w, lengths, row, s.t, steps);
        // The step before the first of a row is, from the last to the first, one that does not count.
        const seen = counting(w, reverse ? lengths : undefined, row, index.plus(s.t, 1), steps);
        w.loop(
          0,
          h,
          (j) => {
            const sum = last
              ? "0.0"
              : w.dot(
                  cell.gates * h,
                  { value: weights, from: j, stride: h },
                  { value: sums, from: s.at(sums, 0, -back), stride: 1 },
                );
            w.add(`let dh = ${dy.at(s.at(dy, j))} + ${sum};`);
            const carried = `carried[${index.text(j)}]`;
            if (text.carries) w.add(`let carry = ${last ? "0.0" : carried};`);
            for (let v = 0; v < cell.saved; v++) w.add(`let kept${v} = ${saved!.at(s.at(saved!, unit(v, h, j)))};`);
            if (y) {
              w.add(`let out = ${y.at(s.at(y, j))};`);
              w.add(`let before = ${first ? "0.0" : seen(y.at(s.at(y, j, back)))};`);
            }
            if (cell.cell >= 0)
              w.add(`let cell = ${first ? "0.0" : seen(saved!.at(s.at(saved!, unit(cell.cell, h, j), back)))};`);
            w.add(alone(text.back), unitCost(cell, h));
            for (let g = 0; g < cell.gates; g++) {
              w.add(`${dx!.at(s.at(dx!, unit(g, h, j)))} = ${kept(`d${g}`)};`);
              if (dhidden) w.add(`${dhidden.at(s.at(dhidden, unit(g, h, j)))} = ${kept(`e${g}`)};`);
            }
            if (text.carries) w.add(`${carried} = ${kept("onward")};`);
          },
          true,
        );
      };
      step(0, true, steps === 1);
      w.loop(1, steps - 1, (k) => step(k, false, false), true);
      if (steps > 1) step(steps - 1, false, true);
    });
  };
}
