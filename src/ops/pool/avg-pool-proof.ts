import type { NdArray } from "../../core/ndarray.ts";
import type { CaseInput, Errors, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import {
  type AdaptiveAvgPoolAttrs,
  type AdaptiveAvgPoolGradientAttrs,
  type AveragedOf,
  type AvgPoolGradientAttrs,
  adaptiveAvgPoolGradientOf,
  adaptiveAvgPoolOf,
  avgPoolGradientOf,
  avgPoolOf,
} from "./averages.ts";
import { type AvgPoolAttrs, pooledShape } from "./geometry.ts";
import { undilated } from "./pool-cases.ts";
import { eachTerm } from "./windows.ts";

/** Of sums of shares, whatever gives them to whom: `pairs` names each, and what it is divided by. */
function boundOfShares(
  result: NdArray,
  x: NdArray,
  ex: Errors[number] | undefined,
  pairs: (body: (to: number, from: number, divisor: number) => void) => void,
): readonly NdArray[] {
  const out = boundLike(result);
  const sizes = new Float64Array(out.data.length);
  const terms = new Float64Array(out.data.length);
  pairs((to, from, divisor) => {
    sizes[to]! += Math.abs(x.data[from]!) / divisor;
    out.data[to]! += errorAt(ex, from) / divisor;
    terms[to]!++;
  });
  for (let i = 0; i < sizes.length; i++) {
    const carried = out.data[i]!;
    // A division on a device may be off by more than a rounding.
    out.data[i] = carried + (gamma(terms[i]!) + 4 * U) * (sizes[i]! + carried) + terms[i]! * TINY;
  }
  return [out];
}

const forward =
  <A>(of: AveragedOf<A>): NonNullable<Proof<A>["bound"]> =>
  ([x], [ex], [y], attrs) =>
    boundOfShares(y!, x!, ex, (body) => eachTerm(of([x!], attrs), body));
const backward =
  <A>(of: AveragedOf<A>): NonNullable<Proof<A>["bound"]> =>
  ([dy], [edy], [dx], attrs) =>
    boundOfShares(dx!, dy!, edy, (body) => eachTerm(of([dy!], attrs), (o, i, divisor) => body(i, o, divisor)));

const f32 = (shape: readonly number[]): CaseInput => ({ shape, dtype: "f32" });

const averages = () =>
  undilated().flatMap(({ name, shape, attrs: { dilation, ...attrs } }) =>
    [true, false].map((countPadding) => ({
      name: `${name}${countPadding ? ", padding counts" : ""}`,
      shape,
      attrs: { ...attrs, countPadding },
    })),
  );

export const avgPool: Proof<AvgPoolAttrs> = {
  bound: forward(avgPoolOf),
  cases: averages().map(({ name, shape, attrs }) => ({ name, inputs: [f32(shape)], attrs })),
};

export const avgPoolGradient: Proof<AvgPoolGradientAttrs> = {
  bound: backward(avgPoolGradientOf),
  cases: averages().map(({ name, shape, attrs }) => {
    const dy = pooledShape(shape, avgPoolOf([f32(shape)], attrs).dims);
    return { name, inputs: [f32(dy)], attrs: { ...attrs, places: shape.slice(2) } };
  }),
};

const adaptive: readonly (readonly [shape: readonly number[], out: readonly number[]])[] = [
  [[2, 3, 7], [1]],
  [[2, 3, 7], [3]],
  [[1, 2, 5], [5]],
  [[1, 2, 3], [7]],
  [
    [3, 4, 7, 7],
    [1, 1],
  ],
  [
    [2, 2, 8, 12],
    [4, 3],
  ],
  [
    [3, 2, 8, 8],
    [1, 1],
  ],
  [
    [2, 2, 4, 16],
    [2, 2],
  ],
  [
    [2, 2, 7, 7],
    [1, 1],
  ],
  [
    [1, 2, 6, 6],
    [1, 1],
  ],
  [
    [2, 2, 7, 10],
    [3, 4],
  ],
  [
    [1, 2, 13, 29],
    [5, 8],
  ],
  [
    [1, 1, 2, 3],
    [5, 4],
  ],
  [
    [1, 2, 3, 31],
    [2, 3],
  ],
];

export const adaptiveAvgPool: Proof<AdaptiveAvgPoolAttrs> = {
  bound: forward(adaptiveAvgPoolOf),
  cases: adaptive.map(([shape, out]) => ({
    name: `${shape.join("x")} to ${out.join("x")}`,
    inputs: [f32(shape)],
    attrs: { out },
  })),
};

export const adaptiveAvgPoolGradient: Proof<AdaptiveAvgPoolGradientAttrs> = {
  bound: backward(adaptiveAvgPoolGradientOf),
  cases: adaptive.map(([shape, out]) => ({
    name: `${shape.join("x")} from ${out.join("x")}`,
    inputs: [f32([...shape.slice(0, 2), ...out])],
    attrs: { places: shape.slice(2) },
  })),
};
