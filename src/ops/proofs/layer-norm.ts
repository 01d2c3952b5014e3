import type { OpCase, Proof } from "../../graph/op.ts";
import type { LayerNormAttrs } from "../layer-norm.ts";
import { gradientBound, normBound, scaleGradientBound } from "../layer-norm-bound.ts";

export const layerNorm: Proof<LayerNormAttrs> = {
  bound: normBound,
  cases: shapes().map(([M, N]) => normCase(M, N, [[M, N], [N], [N]])),
};

export const layerNormGradient: Proof<LayerNormAttrs> = {
  bound: gradientBound,
  cases: shapes().map(([M, N]) => normCase(M, N, [[M, N], [M, N], [N], [M], [M]])),
};

export const layerNormScaleGradient: Proof<LayerNormAttrs> = {
  bound: scaleGradientBound,
  cases: shapes().map(([M, N]) => normCase(M, N, [[M, N], [M, N], [M], [M]])),
};

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
