import {
  columnScales,
  layerNorm as forwardCode,
  layerNormGradient as gradientCode,
  layerNormScaleLanes,
  layerNormScaleParams,
  layerNormScaleGradient as scaleCode,
} from "../../../shaders/norm/layer-norm.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectRank, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { DeviceCaps, KernelPlan, Op } from "../../graph/op.ts";
import { sumRows } from "../matmul/bias.ts";
import { grid, input, output } from "../shared/dispatch-plan.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";
import { layerNormGradientOnChip, layerNormOnChip, layerNormScaleGradientOnChip } from "./layer-norm-chip.ts";
import { normalise, normaliseGradient, rowLayout, scaleGradients } from "./norm-layout.ts";
import { laneScalePlan, takesFours } from "./norm-rows.ts";
import { ONE_SUBGROUP, widths } from "./row-plan.ts";
import { rowLaunches } from "./row-windows.ts";
import { boundIn, eachOf, type RowBinding, rowWindows } from "./windows.ts";

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
  reference(inputs, { eps }) {
    const { y, mean, rstd } = normalise(rowLayout(...(inputs[0]!.shape as readonly [number, number])), inputs, eps);
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
  kernels: widths(
    "layerNorm/row",
    (width, [x], { eps }, caps) => {
      const N = x!.shape[1]!;
      const scales: readonly RowBinding[] = [1, 2].map((i) => [input(i), 0]);
      const saved: readonly RowBinding[] = [1, 2].map((i) => [output(i), 1]);
      const bindings: readonly RowBinding[] = [[input(0), N], ...scales, [output(0), N], ...saved];
      return rowLaunches(forwardCode(columnScales(takesFours(N, width)), width), x!, eps, bindings, caps);
    },
    ONE_SUBGROUP,
  ),
};

/** dx [M, N] from dy, x, gamma, mean, rstd. */
export const layerNormGradient: Op<LayerNormAttrs> = {
  name: "layerNormGradient",
  infer(inputs) {
    expectRank(layerNormGradient, inputs, [2, 2, 1, 1, 1]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference: (inputs) => [normaliseGradient(rowLayout(...(inputs[1]!.shape as readonly [number, number])), inputs)],
  wasm: (_inputs, [dx]) => flatCall("layerNormGradient", [...[0, 1, 2, 3, 4].map(input), output(0), ...dx!.shape], dx!),
  onChip: layerNormGradientOnChip,
  gradient: "none",
  kernels: widths(
    "layerNormGradient/row",
    (width, [dy], { eps }, caps) => {
      const N = dy!.shape[1]!;
      const read = [N, N, 0, 1, 1].map((each, i): RowBinding => [input(i), each]);
      const code = gradientCode(columnScales(takesFours(N, width)), width);
      return rowLaunches(code, dy!, eps, [...read, [output(0), N]], caps);
    },
    ONE_SUBGROUP,
  ),
};

/** dgamma [N] = sum over rows of dy (x - mean) rstd. */
export const layerNormScaleGradient: Op<LayerNormAttrs> = {
  name: "layerNormScaleGradient",
  infer(inputs) {
    expectRank(layerNormScaleGradient, inputs, [2, 2, 1, 1]);
    return [{ shape: [inputs[0]!.shape[1]!], dtype: "f32" }];
  },
  reference(inputs) {
    const [M, N] = inputs[1]!.shape as readonly [number, number];
    return [scaleGradients(rowLayout(M, N), inputs, N).dgamma];
  },
  wasm: ([dy]) =>
    call("layerNormScaleGradient", [...[0, 1, 2, 3].map(input), output(0), ...dy!.shape], partsOf(sizeOf(dy!.shape))),
  onChip: layerNormScaleGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "layerNormScaleGradient/column",
      plan: ([dy], _o, _a, caps) => scalePlan(dy!, 64, false, caps),
    },
    {
      name: "layerNormScaleGradient/lanes",
      plan: ([dy], _o, _a, caps) => laneScalePlan(layerNormScaleLanes, dy!, [0, 1, 2, 3].map(input), caps),
      suits: (_i, _a, { onCpu }) => !onCpu,
    },
    {
      name: "layerNormScaleGradient/fours",
      plan: ([dy], _o, _a, caps) => (dy!.shape[1]! % 4 === 0 ? scalePlan(dy!, 16, true, caps) : null),
      suits: (_i, _a, { onCpu }) => onCpu,
    },
  ],
};

/** An invocation for each column, or each `four`. */
function scalePlan(dy: TensorSpec, workgroup: number, four: boolean, caps: DeviceCaps): KernelPlan {
  const [M, N] = dy.shape as readonly [number, number];
  const columns = four ? N / 4 : N;
  const read = [N, N, 1, 1].map((each, i): RowBinding => [input(i), each]);
  const bindings: readonly RowBinding[] = [...read, [output(0), 0]];
  return {
    launches: rowWindows(M, eachOf(bindings), caps).map((window) => ({
      code: scaleCode(workgroup, four),
      params: layerNormScaleParams.pack({ M: window.count, N: columns, first: window.first === 0 ? 1 : 0 }),
      bindings: boundIn(window, bindings),
      workgroups: grid(Math.ceil(columns / workgroup), caps),
    })),
  };
}
