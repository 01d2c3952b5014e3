import { logistic } from "../../core/logistic.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { floatLike } from "../shared/rounding.ts";
import type { Arithmetic, Cell } from "./cells.ts";
import type { RecurrentAttrs } from "./dims.ts";

export const plain: Arithmetic<number> = {
  zero: 0,
  one: 1,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  sigmoid: logistic,
  tanh: Math.tanh,
  relu: (a) => (a > 0 ? a : a <= 0 ? 0 : Number.NaN),
  where: (y, b) => (y > 0 ? b : 0),
};

/** Steps of row `row` that count. */
export const lengthOf = (lengths: NdArray | undefined, row: number, steps: number): number =>
  lengths ? Math.max(0, Math.min(steps, lengths.data[row]!)) : steps;

/**
 * y [n, t, h] and, where the cell has any, its saved values [n, t, saved, h], from x [n, t, gates h], w [gates h, h], both
 * biases and perhaps lengths. Steps that do not count hold 0.
 */
export function recurrent(cell: Cell, inputs: readonly NdArray[], { reverse }: RecurrentAttrs): readonly NdArray[] {
  const [x, w, inputBias, hiddenBias, lengths] = inputs as readonly [NdArray, NdArray, NdArray, NdArray, NdArray?];
  const [rows, steps] = x.shape as readonly [number, number];
  const h = w.shape[1]!;
  const { gates } = cell;
  const y = floatLike(x, [rows, steps, h]);
  const saved = floatLike(x, [rows, steps, cell.saved, h]);
  const sums = new Float64Array(gates * h);
  for (let row = 0; row < rows; row++) {
    const length = lengthOf(lengths, row, steps);
    for (let s = 0; s < length; s++) {
      const t = reverse ? length - 1 - s : s;
      const before = s === 0 ? -1 : row * steps + (reverse ? t + 1 : t - 1);
      const at = row * steps + t;
      for (let q = 0; q < gates * h; q++) {
        let sum = hiddenBias.data[q]!;
        if (before >= 0) for (let k = 0; k < h; k++) sum += w.data[q * h + k]! * y.data[before * h + k]!;
        sums[q] = sum;
      }
      for (let j = 0; j < h; j++) {
        const own = Array.from(
          { length: gates },
          (_, g) => x.data[(at * gates + g) * h + j]! + inputBias.data[g * h + j]!,
        );
        const hidden = Array.from({ length: gates }, (_, g) => sums[g * h + j]!);
        const c = before < 0 || cell.cell < 0 ? 0 : saved.data[(before * cell.saved + cell.cell) * h + j]!;
        const made = cell.step(plain, own, hidden, before < 0 ? 0 : y.data[before * h + j]!, c);
        y.data[at * h + j] = made.y;
        for (const [k, v] of made.saved.entries()) saved.data[(at * cell.saved + k) * h + j] = v;
      }
    }
  }
  return cell.saved > 0 ? [y, saved] : [y];
}

/**
 * d of x [n, t, gates h], and of the hidden sums where the cell keeps them apart, from dy, saved values, outputs (each
 * where the cell has or reads them), w and perhaps lengths.
 */
export function recurrentGradient(
  cell: Cell,
  inputs: readonly NdArray[],
  { reverse }: RecurrentAttrs,
): readonly NdArray[] {
  const { dy, saved, y, w, lengths } = gradientInputs(cell, inputs);
  const [rows, steps, h] = dy.shape as readonly [number, number, number];
  const { gates } = cell;
  const dx = floatLike(dy, [rows, steps, gates * h]);
  const dhidden = cell.apart ? floatLike(dy, dx.shape) : dx;
  const back = new Float64Array(h);
  const carry = new Float64Array(h);
  for (let row = 0; row < rows; row++) {
    const length = lengthOf(lengths, row, steps);
    back.fill(0);
    carry.fill(0);
    for (let s = length - 1; s >= 0; s--) {
      const t = reverse ? length - 1 - s : s;
      const at = row * steps + t;
      const before = s === 0 ? -1 : row * steps + (reverse ? t + 1 : t - 1);
      for (let j = 0; j < h; j++) {
        const kept = Array.from({ length: cell.saved }, (_, k) => saved!.data[(at * cell.saved + k) * h + j]!);
        const state = before < 0 || !y ? 0 : y.data[before * h + j]!;
        const c = before < 0 || cell.cell < 0 ? 0 : saved!.data[(before * cell.saved + cell.cell) * h + j]!;
        const d = cell.back(
          plain,
          dy.data[at * h + j]! + back[j]!,
          carry[j]!,
          kept,
          y?.data[at * h + j] ?? 0,
          state,
          c,
        );
        carry[j] = d.carry;
        for (let g = 0; g < gates; g++) {
          dx.data[(at * gates + g) * h + j] = d.dx[g]!;
          if (d.hidden) dhidden.data[(at * gates + g) * h + j] = d.hidden[g]!;
        }
      }
      back.fill(0);
      for (let q = 0; q < gates * h; q++) {
        const d = dhidden.data[at * gates * h + q]!;
        for (let k = 0; k < h; k++) back[k]! += d * w.data[q * h + k]!;
      }
    }
  }
  return cell.apart ? [dx, dhidden] : [dx];
}

/** The gradient's inputs by what they are: arrays, bounds or shapes alike. */
export function gradientInputs<T>(cell: Cell, inputs: readonly T[]) {
  const left = [...inputs];
  const dy = left.shift()!;
  const saved = cell.saved > 0 ? left.shift() : undefined;
  const y = cell.readsOutputs ? left.shift() : undefined;
  const w = left.shift()!;
  return { dy, saved, y, w, lengths: left.shift() };
}
