import {
  rmsNorm as forwardCode,
  rmsNormGradient as gradientCode,
  rmsNormScaleLanes,
  rmsNormScaleParams,
  rmsNormScaleGradient as scaleCode,
} from "../../../shaders/norm/rms-norm.ts";
import { type NdArray, sizeOf, zeros } from "../../core/ndarray.ts";
import { expectRank, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";
import { type NormLayout, normalise, normaliseGradient, rowLayout, scaleGradients } from "./norm-layout.ts";
import { laneScalePlan, takesFours } from "./norm-rows.ts";
import { rmsNormGradientOnChip, rmsNormOnChip, rmsNormScaleGradientOnChip } from "./rms-norm-chip.ts";
import { ONE_SUBGROUP, widths } from "./row-plan.ts";
import { rowLaunches } from "./row-windows.ts";
import { boundIn, eachOf, type RowBinding, rowWindows } from "./windows.ts";

/** Settings of rmsNorm. */
export interface RmsNormAttrs {
  /** Added to each row's mean square before the root. */
  readonly eps: number;
}

/** The rows of x [M, N], whose means stay. */
export const rmsLayout = ({ shape }: NdArray): NormLayout => ({
  ...rowLayout(shape[0]!, shape[1]!),
  centred: false,
});
/** The means that count as 0. */
export const noMeans = ({ shape }: NdArray): NdArray => zeros([shape[0]!], "f64");

/** y [M, N] = x rstd weight per row, where rstd [M] is 1 / root(mean square + eps), which the gradient uses. */
export const rmsNorm: Op<RmsNormAttrs> = {
  name: "rmsNorm",
  infer(inputs) {
    expectRank(rmsNorm, inputs, [2, 1]);
    const [x, weight] = inputs;
    if (weight!.shape[0] !== x!.shape[1]) wrongShapes(rmsNorm, inputs, "x [M, N] and weight [N]");
    return [
      { shape: x!.shape, dtype: "f32" },
      { shape: [x!.shape[0]!], dtype: "f32" },
    ];
  },
  reference(inputs, { eps }) {
    const { y, rstd } = normalise(rmsLayout(inputs[0]!), inputs, eps);
    return [y, rstd];
  },
  wasm: ([x], _outputs, { eps }) =>
    flatCall("rmsNorm", [input(0), input(1), output(0), output(1), ...x!.shape, float(eps)], x!),
  onChip: rmsNormOnChip,
  gradient: (g, { inputs: [x, weight], outputs: [, rstd] }, [dy]) => [
    g.one(rmsNormGradient, [dy!, x!, weight!, rstd!], null, `d ${x!.name}`),
    g.one(rmsNormScaleGradient, [dy!, x!, rstd!], null, `d ${weight!.name}`),
  ],
  kernels: widths(
    "rmsNorm/row",
    (width, [x], { eps }, caps) => {
      const N = x!.shape[1]!;
      const bindings: readonly RowBinding[] = [
        [input(0), N],
        [input(1), 0],
        [output(0), N],
        [output(1), 1],
      ];
      return rowLaunches(forwardCode(width, takesFours(N, width)), x!, eps, bindings, caps);
    },
    ONE_SUBGROUP,
  ),
};

/** dx [M, N] from dy, x, weight, rstd. */
export const rmsNormGradient: Op<null> = {
  name: "rmsNormGradient",
  infer(inputs) {
    expectRank(rmsNormGradient, inputs, [2, 2, 1, 1]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference: ([dy, x, weight, rstd]) => [normaliseGradient(rmsLayout(x!), [dy!, x!, weight!, noMeans(x!), rstd!])],
  wasm: (_inputs, [dx]) => flatCall("rmsNormGradient", [...[0, 1, 2, 3].map(input), output(0), ...dx!.shape], dx!),
  onChip: rmsNormGradientOnChip,
  gradient: "none",
  kernels: widths(
    "rmsNormGradient/row",
    (width, [dy], _a, caps) => {
      const N = dy!.shape[1]!;
      const read = [N, N, 0, 1].map((each, i): RowBinding => [input(i), each]);
      return rowLaunches(gradientCode(width, takesFours(N, width)), dy!, 0, [...read, [output(0), N]], caps);
    },
    ONE_SUBGROUP,
  ),
};

/** dweight [N] = sum over rows of dy x rstd. */
export const rmsNormScaleGradient: Op<null> = {
  name: "rmsNormScaleGradient",
  infer(inputs) {
    expectRank(rmsNormScaleGradient, inputs, [2, 2, 1]);
    return [{ shape: [inputs[0]!.shape[1]!], dtype: "f32" }];
  },
  reference: ([dy, x, rstd]) => [scaleGradients(rmsLayout(x!), [dy!, x!, noMeans(x!), rstd!], x!.shape[1]!).dgamma],
  wasm: ([dy]) =>
    call("rmsNormScaleGradient", [...[0, 1, 2].map(input), output(0), ...dy!.shape], partsOf(sizeOf(dy!.shape))),
  onChip: rmsNormScaleGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "rmsNormScaleGradient/column",
      plan([dy], _o, _a, caps) {
        const [M, N] = dy!.shape as readonly [number, number];
        const read = [N, N, 1].map((each, i): RowBinding => [input(i), each]);
        const bindings: readonly RowBinding[] = [...read, [output(0), 0]];
        return {
          launches: rowWindows(M, eachOf(bindings), caps).map((window) => {
            const params = rmsNormScaleParams.pack({ size: N, M: window.count, first: window.first === 0 ? 1 : 0 });
            return flatLaunch(scaleCode(), params, boundIn(window, bindings), N, caps);
          }),
        };
      },
    },
    {
      name: "rmsNormScaleGradient/lanes",
      plan: ([dy], _o, _a, caps) => laneScalePlan(rmsNormScaleLanes, dy!, [0, 1, 2].map(input), caps),
      suits: (_i, _a, { onCpu }) => !onCpu,
    },
  ],
};
