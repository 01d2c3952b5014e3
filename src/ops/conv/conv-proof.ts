import type { NdArray } from "../../core/ndarray.ts";
import type { Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY } from "../shared/rounding.ts";
import type { ConvInputGradientAttrs, ConvWeightGradientAttrs } from "./conv.ts";
import { forwardDims, inputGradientDims, weightGradientDims } from "./dims.ts";
import { type ConvAttrs, type ConvDims, convAttrsOf, yShape } from "./geometry.ts";
import { convSettings, type Setting } from "./proof-settings.ts";
import { eachTerm } from "./terms.ts";

/** Tells of every term which elements are the factors, in the order of an op's inputs, and which the sum. */
type Terms = (add: (a: number, b: number, sum: number) => void) => void;

/**
 * |c^ - c| <= 2 gamma_(K+2) sum |a||b|, with the inputs' own errors carried through each of the K products, as for a matrix
 * product; K 2^-126 max(1, |a|max, |b|max) for subnormals that are flushed.
 */
function sumBound(each: Terms, [a, b]: readonly NdArray[], errors: Errors, c: NdArray): NdArray {
  const out = boundLike(c);
  const terms = new Float64Array(out.data.length);
  const sizes = new Float64Array(out.data.length);
  each((i, j, k) => {
    const va = Math.abs(a!.data[i]!);
    const vb = Math.abs(b!.data[j]!);
    const product = (va + errorAt(errors[0], i)) * (vb + errorAt(errors[1], j));
    terms[k]!++;
    sizes[k]! += product;
    out.data[k]! += product - va * vb;
  });
  let largest = 1;
  for (const { data } of [a!, b!]) for (const v of data) largest = Math.max(largest, Math.abs(v));
  for (let k = 0; k < terms.length; k++) {
    if (terms[k]! > 0) out.data[k]! += 2 * gamma(terms[k]! + 2) * sizes[k]! + terms[k]! * TINY * largest;
  }
  return out;
}

const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });

function dimsOf({ x, w, attrs }: Setting): ConvDims {
  return forwardDims([{ shape: x }, { shape: w }], attrs);
}

const dyOf = (s: Setting): readonly number[] => yShape(dimsOf(s), s.x.length);

export const conv: Proof<ConvAttrs> = {
  bound: (inputs, errors, [y], attrs) => [
    sumBound((add) => eachTerm(forwardDims(inputs, attrs), (i, x, w) => add(x, w, i)), inputs, errors, y!),
  ],
  cases: convSettings.map(
    ({ name, x, w, attrs }): OpCase<ConvAttrs> => ({ name, inputs: [f32(...x), f32(...w)], attrs }),
  ),
};

export const convInputGradient: Proof<ConvInputGradientAttrs> = {
  bound: (inputs, errors, [dx], attrs) => [
    sumBound((add) => eachTerm(inputGradientDims(inputs, attrs), (i, x, w) => add(i, w, x)), inputs, errors, dx!),
  ],
  cases: convSettings.map((s) => ({
    name: s.name,
    inputs: [f32(...dyOf(s)), f32(...s.w)],
    attrs: { ...convAttrsOf(s.attrs), places: s.x.slice(2) },
  })),
};

export const convWeightGradient: Proof<ConvWeightGradientAttrs> = {
  bound: (inputs, errors, [dw], attrs) => [
    sumBound((add) => eachTerm(weightGradientDims(inputs, attrs), (i, x, w) => add(x, i, w)), inputs, errors, dw!),
  ],
  cases: convSettings.map((s) => ({
    name: s.name,
    inputs: [f32(...s.x), f32(...dyOf(s))],
    attrs: { ...convAttrsOf(s.attrs), kernel: s.w.slice(2) },
  })),
};
