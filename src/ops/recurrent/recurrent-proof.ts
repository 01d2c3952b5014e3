import type { NdArray } from "../../core/ndarray.ts";
import type { CaseInput, Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";
import { type Bounded, bounded, reader, sumOf } from "./bounded.ts";
import { type Cell, type CellName, cells } from "./cells.ts";
import type { RecurrentAttrs } from "./dims.ts";
import { gradientInputs, lengthOf } from "./reference.ts";

/**
 * Errors of the state of a step are those of the step before, through its weights and the slopes of its gates, and its own
 * rounding: e_t = L e_(t-1) + r. L is a sum of sizes, so bounds grow with every step of a net whose true slopes cancel,
 * and are loose behind long sequences; there the norm decides, as it does behind many layers.
 */
function forwardBound(
  cell: Cell,
  inputs: readonly NdArray[],
  errors: Errors,
  outputs: readonly NdArray[],
  { reverse }: RecurrentAttrs,
): readonly NdArray[] {
  const [x, w, inputBias, hiddenBias] = inputs.map((t, i) => reader(t, errors[i]));
  const [rows, steps] = inputs[0]!.shape as readonly [number, number];
  const h = inputs[1]!.shape[1]!;
  const [y, saved] = outputs.map((t) => boundLike(t));
  const at = (place: number, j: number): Bounded => ({
    v: outputs[0]!.data[place * h + j]!,
    e: y!.data[place * h + j]!,
  });
  for (let row = 0; row < rows; row++) {
    const length = lengthOf(inputs[4], row, steps);
    for (let s = 0; s < length; s++) {
      const place = row * steps + (reverse ? length - 1 - s : s);
      const before = s === 0 ? -1 : place + (reverse ? 1 : -1);
      const terms = before < 0 ? 0 : h;
      for (let j = 0; j < h; j++) {
        const gates = Array.from({ length: cell.gates }, (_, g) => g * h + j);
        const own = gates.map((q) => bounded.add(x!(place * cell.gates * h + q), inputBias!(q)));
        const hidden = gates.map((q) =>
          sumOf(
            terms,
            (k) => w!(q * h + k),
            (k) => at(before, k),
            hiddenBias!(q),
          ),
        );
        const k = (before * cell.saved + cell.cell) * h + j;
        const c = before < 0 || cell.cell < 0 ? bounded.zero : { v: outputs[1]!.data[k]!, e: saved!.data[k]! };
        const made = cell.step(bounded, own, hidden, before < 0 ? bounded.zero : at(before, j), c);
        y!.data[place * h + j] = made.y.e;
        for (const [i, v] of made.saved.entries()) saved!.data[(place * cell.saved + i) * h + j] = v.e;
      }
    }
  }
  return cell.saved > 0 ? [y!, saved!] : [y!];
}

/** The same on the way back, where d of the sums is what goes from step to step. */
function backwardBound(
  cell: Cell,
  inputs: readonly NdArray[],
  errors: Errors,
  outputs: readonly NdArray[],
  { reverse }: RecurrentAttrs,
): readonly NdArray[] {
  const given = gradientInputs(cell, inputs);
  const off = gradientInputs<NdArray | null>(cell, errors.length > 0 ? errors : inputs.map(() => null));
  const [dy, saved, y, w] = [
    reader(given.dy, off.dy),
    reader(given.saved, off.saved),
    reader(given.y, off.y),
    reader(given.w, off.w),
  ];
  const [rows, steps, h] = given.dy.shape as readonly [number, number, number];
  const width = cell.gates * h;
  const bounds = outputs.map((t) => boundLike(t));
  const nothing = (count: number): Bounded[] => new Array<Bounded>(count).fill(bounded.zero);
  for (let row = 0; row < rows; row++) {
    const length = lengthOf(given.lengths, row, steps);
    let sums = nothing(width);
    const carry = nothing(h);
    for (let s = length - 1; s >= 0; s--) {
      const place = row * steps + (reverse ? length - 1 - s : s);
      const before = s === 0 ? -1 : place + (reverse ? 1 : -1);
      const next = nothing(width);
      const terms = s === length - 1 ? 0 : width;
      for (let j = 0; j < h; j++) {
        const dh = sumOf(
          terms,
          (q) => sums[q]!,
          (q) => w(q * h + j),
          dy(place * h + j),
        );
        const kept = Array.from({ length: cell.saved }, (_, k) => saved((place * cell.saved + k) * h + j));
        const state = before < 0 || !given.y ? bounded.zero : y(before * h + j);
        const c = before < 0 || cell.cell < 0 ? bounded.zero : saved((before * cell.saved + cell.cell) * h + j);
        const d = cell.back(bounded, dh, carry[j]!, kept, given.y ? y(place * h + j) : bounded.zero, state, c);
        carry[j] = d.carry;
        for (let g = 0; g < cell.gates; g++) {
          const q = g * h + j;
          next[q] = (d.hidden ?? d.dx)[g]!;
          bounds[0]!.data[place * width + q] = d.dx[g]!.e;
          if (cell.apart) bounds[1]!.data[place * width + q] = next[q].e;
        }
      }
      sums = next;
    }
  }
  return bounds;
}

interface Size {
  readonly n: number;
  readonly t: number;
  readonly h: number;
  readonly lengths?: readonly number[];
  readonly reverse?: boolean;
}

/** One unit; sizes that are no multiple of four; more rows than a group of quads has; more units than its state's half. */
const sizes: readonly Size[] = [
  { n: 1, t: 1, h: 1 },
  { n: 2, t: 5, h: 3 },
  { n: 1, t: 4, h: 6, reverse: true },
  { n: 6, t: 4, h: 5, lengths: [4, 0, 1, 3, 2, 4] },
  { n: 6, t: 4, h: 5, lengths: [4, 0, 1, 3, 2, 4], reverse: true },
  { n: 19, t: 3, h: 17, lengths: Array.from({ length: 19 }, (_, i) => (i * 7) % 4) },
  { n: 19, t: 3, h: 17, reverse: true },
  { n: 3, t: 3, h: 64 },
  { n: 2, t: 2, h: 130, reverse: true },
];

/** More steps than a launch takes: state goes from one to the next through memory. */
const long: readonly Size[] = [
  { n: 1, t: 7000, h: 1 },
  { n: 1, t: 7000, h: 1, reverse: true },
];

const nameOf = ({ n, t, h, lengths, reverse }: Size): string =>
  `${n}x${t}x${h}${lengths ? ", lengths" : ""}${reverse ? ", reverse" : ""}`;

const lengthsInput = ({ n, lengths }: Size): readonly CaseInput[] =>
  lengths ? [{ shape: [n], dtype: "i32", fill: lengths }] : [];

/** Weights whose sums are about as large as inputs, whatever the width. */
const weights = (shape: readonly number[], h: number): CaseInput => ({
  shape,
  dtype: "f32",
  scale: 0.7 / Math.sqrt(h),
});

function forwardCase(cell: Cell, size: Size): OpCase<RecurrentAttrs> {
  const { n, t, h, reverse = false } = size;
  const width = cell.gates * h;
  const inputs: CaseInput[] = [
    { shape: [n, t, width], dtype: "f32" },
    weights([width, h], h),
    { shape: [width], dtype: "f32", scale: 0.5 },
    { shape: [width], dtype: "f32", scale: 0.5 },
    ...lengthsInput(size),
  ];
  return { name: nameOf(size), inputs, attrs: { reverse } };
}

/** Gates lie between -1 and 1, and so do outputs; those of relu from 0 up, many at 0. */
const mapped =
  (fn: (v: number) => number) =>
  (x: NdArray): NdArray => ({
    ...x,
    data: x.data.map((v) => Math.fround(fn(v))) as Float32Array,
  });

function backwardCase(cell: Cell, size: Size): OpCase<RecurrentAttrs> {
  const { n, t, h, reverse = false } = size;
  const outputs = cell.name === "rnnRelu" ? (v: number) => Math.max(0, v) : Math.tanh;
  const inputs: CaseInput[] = [
    { shape: [n, t, h], dtype: "f32" },
    ...(cell.saved > 0 ? [{ shape: [n, t, cell.saved, h], dtype: "f32", through: mapped(Math.tanh) } as const] : []),
    ...(cell.readsOutputs ? [{ shape: [n, t, h], dtype: "f32", through: mapped(outputs) } as const] : []),
    weights([cell.gates * h, h], h),
    ...lengthsInput(size),
  ];
  return { name: nameOf(size), inputs, attrs: { reverse } };
}

const forwardProof = (name: CellName): Proof<RecurrentAttrs> => ({
  bound: (inputs, errors, outputs, attrs) => forwardBound(cells[name], inputs, errors, outputs, attrs),
  cases: [...sizes, ...long].map((size) => forwardCase(cells[name], size)),
});

const backwardProof = (name: CellName): Proof<RecurrentAttrs> => ({
  bound: (inputs, errors, outputs, attrs) => backwardBound(cells[name], inputs, errors, outputs, attrs),
  cases: [...sizes, ...long].map((size) => backwardCase(cells[name], size)),
});

export const lstm = forwardProof("lstm");
export const lstmGradient = backwardProof("lstm");
export const gru = forwardProof("gru");
export const gruGradient = backwardProof("gru");
export const rnn = forwardProof("rnn");
export const rnnGradient = backwardProof("rnn");
export const rnnRelu = forwardProof("rnnRelu");
export const rnnReluGradient = backwardProof("rnnRelu");
