import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import type { LayerNormAttrs } from "./layer-norm.ts";
import { gradientBound, normBound, scaleGradientBounds } from "./norm-bound.ts";
import { filled, noise } from "./norm-cases.ts";
import { rowLayout } from "./norm-layout.ts";

export const layerNorm: Proof<LayerNormAttrs> = {
  bound(inputs, errors, outputs) {
    const { y, mean, rstd } = normBound(layoutOf(inputs[0]!), inputs, errors, outputs);
    return [y, mean, rstd];
  },
  cases: [
    ...shapes().map(([M, N]) => normCase(M, N, [[M, N], [N], [N]])),
    ...farRows().map(({ name, M, N, values }) => ({
      name,
      inputs: [filled([M, N], values), filled([N], [1]), filled([N], [0])],
      attrs: { eps: 1e-5 },
    })),
  ],
};

export const layerNormGradient: Proof<LayerNormAttrs> = {
  bound: (inputs, errors) => [gradientBound(layoutOf(inputs[1]!), inputs, errors)],
  cases: [
    ...shapes().map(([M, N]) => normCase(M, N, [[M, N], [M, N], [N], [M], [M]])),
    // Gradients far from 0, which all but cancel, behind a net whose rows are nearly constant.
    ...farRows().map(({ name, M, N, values }) => ({
      name,
      inputs: [filled([M, N], values), filled([M, N], [0.1]), filled([N], [1]), filled([M], [0.1]), filled([M], [300])],
      attrs: { eps: 1e-5 },
    })),
  ],
};

export const layerNormScaleGradient: Proof<LayerNormAttrs> = {
  bound: (inputs, errors) => [scaleGradientBounds(layoutOf(inputs[1]!), inputs, errors, inputs[1]!.shape[1]!).dgamma],
  cases: shapes().map(([M, N]) => normCase(M, N, [[M, N], [M, N], [M], [M]])),
};

const layoutOf = ({ shape }: NdArray) => rowLayout(...(shape as readonly [number, number]));

/** Rows of one value, and rows that lie close together far from 0: where a mean that is off by a rounding is all there is. */
function farRows(): readonly { name: string; M: number; N: number; values: ArrayLike<number> }[] {
  return [
    { name: "4x100, all 7348.709", M: 4, N: 100, values: [7348.709] },
    { name: "3x7, all -0.1", M: 3, N: 7, values: [-0.1] },
    { name: "4x100, all 8296.8", M: 4, N: 100, values: [8296.8] },
    { name: "2x300, all 6670.205", M: 2, N: 300, values: [6670.205] },
    { name: "2x400, all 6670.205", M: 2, N: 400, values: [6670.205] },
    { name: "2x300, close to 10000", M: 2, N: 300, values: noise(10000, 0.01) },
    { name: "2x4, close to -3", M: 2, N: 4, values: noise(-3, 1e-4) },
  ];
}

function shapes(): readonly (readonly [number, number])[] {
  return [
    [1, 2],
    [3, 5],
    [17, 64],
    [5, 200],
    [65, 9],
  ];
}

function normCase(M: number, N: number, inputs: readonly (readonly number[])[]): OpCase<LayerNormAttrs> {
  return {
    name: `${M}x${N}`,
    // The last input of the gradients is rstd, a positive number.
    inputs: inputs.map((shape, i) => ({
      shape,
      dtype: "f32",
      fill: i >= 3 && i === inputs.length - 1 ? "positive" : "normal",
    })),
    attrs: { eps: 1e-5 },
  };
}
