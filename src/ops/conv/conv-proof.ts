import type { NdArray } from "../../core/ndarray.ts";
import type { Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY } from "../shared/rounding.ts";
import type { ConvInputGradientAttrs, ConvWeightGradientAttrs } from "./conv.ts";
import { forwardDims, inputGradientDims, weightGradientDims } from "./dims.ts";
import { type ConvAttrs, type ConvDims, convAttrsOf, yShape } from "./geometry.ts";
import { convSettings, type Setting } from "./proof-settings.ts";
import { eachRun } from "./terms.ts";
import { takesWinograd } from "./winograd.ts";
import { type Tiled, winogradBound } from "./winograd-bound.ts";

/** Terms along a line of places: which elements are the factors, in the order of an op's inputs, and which the sum. */
interface Line {
  readonly a: number;
  readonly b: number;
  readonly sum: number;
}
/** Tells of every line the first, how far each goes on from term to term, and how many terms there are. */
type Lines = (add: (first: Line, steps: Line, count: number) => void) => void;

/** |v|, and |v| with its error. */
function sizesOf(v: NdArray, errors: NdArray | null | undefined): readonly [Float64Array, Float64Array] {
  const sizes = Float64Array.from(v.data, Math.abs);
  return [sizes, sizes.map((size, i) => size + errorAt(errors, i))];
}

/**
 * |c^ - c| <= 2 gamma_(K+2) sum |a||b|, with the inputs' own errors carried through each of the K products, as for a matrix
 * product; K 2^-126 max(1, |a|max, |b|max) for subnormals that are flushed.
 */
function sumBound(each: Lines, [a, b]: readonly NdArray[], errors: Errors, c: NdArray): NdArray {
  const out = boundLike(c);
  const terms = new Float64Array(out.data.length);
  const sizes = new Float64Array(out.data.length);
  const bound = out.data as Float64Array;
  const [va, withErrorA] = sizesOf(a!, errors[0]);
  const [vb, withErrorB] = sizesOf(b!, errors[1]);
  each((first, steps, count) => {
    let [i, j, k] = [first.a, first.b, first.sum];
    for (let term = 0; term < count; term++) {
      const product = withErrorA[i]! * withErrorB[j]!;
      terms[k]!++;
      sizes[k]! += product;
      bound[k]! += product - va[i]! * vb[j]!;
      i += steps.a;
      j += steps.b;
      k += steps.sum;
    }
  });
  let largest = 1;
  for (const v of [va, vb]) for (const size of v) largest = Math.max(largest, size);
  for (let k = 0; k < terms.length; k++) {
    if (terms[k]! > 0) bound[k]! += 2 * gamma(terms[k]! + 2) * sizes[k]! + terms[k]! * TINY * largest;
  }
  return out;
}

/** Where the CPU takes tiles of two by two (winograd.ts), what rounding does to those comes on top. */
function orTiles(bound: NdArray, tiled: Tiled | null): NdArray {
  const data = bound.data as Float64Array;
  if (tiled) for (const [i, b] of winogradBound(tiled).entries()) data[i]! += b;
  return bound;
}

function forwardTiles([x, w]: readonly NdArray[], errors: Errors, attrs: ConvAttrs): Tiled | null {
  const dims = forwardDims([x!, w!], attrs);
  if (!takesWinograd(dims, "y")) return null;
  const { n, c: C, out: M, rows, columns } = dims;
  const ws = sizesOf(w!, errors[1])[1];
  return {
    ...{ n, C, M, read: [rows.x, columns.x], made: [rows.y, columns.y], before: [rows.before, columns.before] },
    ...{ x: sizesOf(x!, errors[0])[1], w: (m, c, k) => ws[(m * C + c) * 9 + k]! },
  };
}

function backTiles([dy, w]: readonly NdArray[], errors: Errors, attrs: ConvInputGradientAttrs): Tiled | null {
  const dims = inputGradientDims([dy!, w!], attrs);
  if (!takesWinograd(dims, "x")) return null;
  const { n, c: M, out: C, rows, columns } = dims;
  const ws = sizesOf(w!, errors[1])[1];
  const before = [2 - rows.before, 2 - columns.before] as const;
  return {
    ...{ n, C, M, read: [rows.y, columns.y], made: [rows.x, columns.x], before },
    ...{ x: sizesOf(dy!, errors[0])[1], w: (m, c, k) => ws[(c * M + m) * 9 + 8 - k]! },
  };
}

const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });

function dimsOf({ x, w, attrs }: Setting): ConvDims {
  return forwardDims([{ shape: x }, { shape: w }], attrs);
}

const dyOf = (s: Setting): readonly number[] => yShape(dimsOf(s), s.x.length);

export const conv: Proof<ConvAttrs> = {
  bound: (inputs, errors, [y], attrs, on) => [
    orTiles(
      sumBound(
        (add) =>
          eachRun(forwardDims(inputs, attrs), (sum, a, b, count, step) =>
            add({ a, b, sum }, { a: step, b: 0, sum: 1 }, count),
          ),
        inputs,
        errors,
        y!,
      ),
      on === "cpu" ? forwardTiles(inputs, errors, attrs) : null,
    ),
  ],
  cases: convSettings.map(
    ({ name, x, w, attrs }): OpCase<ConvAttrs> => ({ name, inputs: [f32(...x), f32(...w)], attrs }),
  ),
};

export const convInputGradient: Proof<ConvInputGradientAttrs> = {
  bound: (inputs, errors, [dx], attrs, on) => [
    orTiles(
      sumBound(
        (add) =>
          eachRun(inputGradientDims(inputs, attrs), (a, sum, b, count, step) =>
            add({ a, b, sum }, { a: 1, b: 0, sum: step }, count),
          ),
        inputs,
        errors,
        dx!,
      ),
      on === "cpu" ? backTiles(inputs, errors, attrs) : null,
    ),
  ],
  cases: convSettings.map((s) => ({
    name: s.name,
    inputs: [f32(...dyOf(s)), f32(...s.w)],
    attrs: { ...convAttrsOf(s.attrs), places: s.x.slice(2) },
  })),
};

export const convWeightGradient: Proof<ConvWeightGradientAttrs> = {
  bound: (inputs, errors, [dw], attrs) => [
    sumBound(
      (add) =>
        eachRun(weightGradientDims(inputs, attrs), (b, a, sum, count, step) =>
          add({ a, b, sum }, { a: step, b: 1, sum: 0 }, count),
        ),
      inputs,
      errors,
      dw!,
    ),
  ],
  cases: convSettings.map((s) => ({
    name: s.name,
    inputs: [f32(...s.x), f32(...dyOf(s))],
    attrs: { ...convAttrsOf(s.attrs), kernel: s.w.slice(2) },
  })),
};
