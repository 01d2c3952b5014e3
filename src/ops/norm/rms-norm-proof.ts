import type { CaseInput, Proof } from "../../graph/op.ts";
import { gradientBound, normBound, scaleGradientBounds } from "./norm-bound.ts";
import { filled, noise, saved } from "./norm-cases.ts";
import { noMeans, type RmsNormAttrs, rmsLayout } from "./rms-norm.ts";

export const rmsNorm: Proof<RmsNormAttrs> = {
  bound([x, weight], [ex, eweight], [y, rstd]) {
    const outputs = [y!, noMeans(x!), rstd!];
    const bounds = normBound(rmsLayout(x!), [x!, weight!], [ex!, eweight!, null], outputs);
    return [bounds.y, bounds.rstd];
  },
  cases: [
    ...shapes().map(([M, N]) => ({
      name: `${M}x${N}`,
      inputs: [[M, N], [N]].map((shape): CaseInput => ({ shape, dtype: "f32" })),
      attrs: { eps: 1e-5 },
    })),
    {
      name: "2x300, close to 10000",
      inputs: [filled([2, 300], noise(10000, 0.01)), filled([300], [1])],
      attrs: { eps: 1e-6 },
    },
    {
      name: "3x5, where epsilon counts",
      inputs: [filled([3, 5], noise(0, 1e-3)), filled([5], [1])],
      attrs: { eps: 1e-5 },
    },
  ],
};

export const rmsNormGradient: Proof<null> = {
  bound: ([dy, x, weight, rstd], [edy, ex, eweight, erstd]) => [
    gradientBound(rmsLayout(x!), [dy!, x!, weight!, noMeans(x!), rstd!], [edy!, ex!, eweight!, null, erstd!]),
  ],
  cases: shapes().map(([M, N]) => ({ name: `${M}x${N}`, inputs: saved([[M, N], [M, N], [N], [M]]), attrs: null })),
};

export const rmsNormScaleGradient: Proof<null> = {
  bound: ([dy, x, rstd], [edy, ex, erstd]) => [
    scaleGradientBounds(rmsLayout(x!), [dy!, x!, noMeans(x!), rstd!], [edy!, ex!, null, erstd!], x!.shape[1]!).dgamma,
  ],
  cases: shapes().map(([M, N]) => ({ name: `${M}x${N}`, inputs: saved([[M, N], [M, N], [M]]), attrs: null })),
};

function shapes(): readonly (readonly [number, number])[] {
  return [
    [1, 1],
    [3, 5],
    [17, 64],
    [5, 203],
    [4, 260],
    [65, 9],
  ];
}
