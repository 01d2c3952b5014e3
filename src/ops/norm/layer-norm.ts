import {
  layerNorm as forwardCode,
  layerNormGradient as gradientCode,
  layerNormScaleParams,
  layerNormScaleGradient as scaleCode,
} from "../../../shaders/norm/layer-norm.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectRank, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { sumRows } from "../matmul/bias.ts";
import { grid, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";
import { layerNormGradientOnChip, layerNormOnChip, layerNormScaleGradientOnChip } from "./layer-norm-chip.ts";
import { rowLaunch } from "./row-plan.ts";

/** Settings of layerNorm. */
export interface LayerNormAttrs {
  /** Added to each row's variance before the root. */
  readonly eps: number;
}

/** y [M, N] = (x - mean) rstd gamma + beta per row; also mean [M] and rstd [M], which the gradient uses. */
export const layerNorm: Op<LayerNormAttrs> = {
  name: "layerNorm",
  infer(inputs) {
    expectRank(layerNorm, inputs, [2, 1, 1]);
    const [x, gamma, beta] = inputs as readonly [TensorSpec, TensorSpec, TensorSpec];
    const N = x.shape[1]!;
    if (gamma.shape[0] !== N || beta.shape[0] !== N) wrongShapes(layerNorm, inputs, "x [M, N], gamma [N] and beta [N]");
    const perRow: TensorSpec = { shape: [x.shape[0]!], dtype: "f32" };
    return [{ shape: x.shape, dtype: "f32" }, perRow, perRow];
  },
  reference([x, gamma, beta], { eps }) {
    const [M, N] = x!.shape as readonly [number, number];
    const y = floatLike(x!, [M, N]);
    const mean = floatLike(x!, [M]);
    const rstd = floatLike(x!, [M]);
    for (let row = 0; row < M; row++) {
      let sum = 0;
      for (let j = 0; j < N; j++) sum += x!.data[row * N + j]!;
      const mu = sum / N;
      let squares = 0;
      for (let j = 0; j < N; j++) squares += (x!.data[row * N + j]! - mu) ** 2;
      const r = 1 / Math.sqrt(squares / N + eps);
      for (let j = 0; j < N; j++) {
        y.data[row * N + j] = (x!.data[row * N + j]! - mu) * r * gamma!.data[j]! + beta!.data[j]!;
      }
      mean.data[row] = mu;
      rstd.data[row] = r;
    }
    return [y, mean, rstd];
  },
  wasm: ([x], _outputs, { eps }) =>
    flatCall("layerNorm", [...[0, 1, 2].map(input), ...[0, 1, 2].map(output), ...x!.shape, float(eps)], x!),
  onChip: layerNormOnChip,
  gradient: (g, { inputs: [x, gamma, beta], outputs: [, mean, rstd], attrs }, [dy]) => [
    g.one(layerNormGradient, [dy!, x!, gamma!, mean!, rstd!], attrs, `d ${x!.name}`),
    g.one(layerNormScaleGradient, [dy!, x!, mean!, rstd!], attrs, `d ${gamma!.name}`),
    g.one(sumRows, [dy!], null, `d ${beta!.name}`),
  ],
  kernels: [
    {
      name: "layerNorm/row",
      plan: ([x], _o, { eps }, caps) =>
        rowLaunch(forwardCode(), x!, eps, [0, 1, 2].map(input).concat([0, 1, 2].map(output)), caps),
    },
  ],
};

/** dx [M, N] from dy, x, gamma, mean, rstd. */
export const layerNormGradient: Op<LayerNormAttrs> = {
  name: "layerNormGradient",
  infer(inputs) {
    expectRank(layerNormGradient, inputs, [2, 2, 1, 1, 1]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([dy, x, gamma, mean, rstd]) {
    const [M, N] = x!.shape as readonly [number, number];
    const dx = floatLike(dy!, [M, N]);
    for (let row = 0; row < M; row++) {
      const mu = mean!.data[row]!;
      const r = rstd!.data[row]!;
      let sumG = 0;
      let sumGx = 0;
      for (let j = 0; j < N; j++) {
        const g = dy!.data[row * N + j]! * gamma!.data[j]!;
        sumG += g;
        sumGx += g * (x!.data[row * N + j]! - mu) * r;
      }
      for (let j = 0; j < N; j++) {
        const i = row * N + j;
        const xhat = (x!.data[i]! - mu) * r;
        dx.data[i] = r * (dy!.data[i]! * gamma!.data[j]! - sumG / N - (xhat * sumGx) / N);
      }
    }
    return [dx];
  },
  wasm: (_inputs, [dx]) => flatCall("layerNormGradient", [...[0, 1, 2, 3, 4].map(input), output(0), ...dx!.shape], dx!),
  onChip: layerNormGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "layerNormGradient/row",
      plan: ([dy], _o, { eps }, caps) =>
        rowLaunch(gradientCode(), dy!, eps, [...[0, 1, 2, 3, 4].map(input), output(0)], caps),
    },
  ],
};

/** dgamma [N] = sum over rows of dy (x - mean) rstd. */
export const layerNormScaleGradient: Op<LayerNormAttrs> = {
  name: "layerNormScaleGradient",
  infer(inputs) {
    expectRank(layerNormScaleGradient, inputs, [2, 2, 1, 1]);
    return [{ shape: [inputs[0]!.shape[1]!], dtype: "f32" }];
  },
  reference([dy, x, mean, rstd]) {
    const [M, N] = x!.shape as readonly [number, number];
    const sums = new Float64Array(N);
    for (let i = 0; i < M * N; i++) {
      const row = Math.floor(i / N);
      sums[i % N]! += dy!.data[i]! * (x!.data[i]! - mean!.data[row]!) * rstd!.data[row]!;
    }
    const dgamma = floatLike(dy!, [N]);
    dgamma.data.set(sums);
    return [dgamma];
  },
  wasm: ([dy]) =>
    call("layerNormScaleGradient", [...[0, 1, 2, 3].map(input), output(0), ...dy!.shape], partsOf(sizeOf(dy!.shape))),
  onChip: layerNormScaleGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "layerNormScaleGradient/column",
      plan([dy], _o, _a, caps) {
        const [M, N] = dy!.shape as readonly [number, number];
        const workgroup = 64;
        return {
          launches: [
            {
              code: scaleCode(workgroup),
              params: layerNormScaleParams.pack({ M, N, size: N }),
              bindings: [...[0, 1, 2, 3].map(input), output(0)],
              workgroups: grid(Math.ceil(N / workgroup), caps),
            },
          ],
        };
      },
    },
  ],
};
