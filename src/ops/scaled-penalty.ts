import { flatMain, read, storage, write } from "../../shaders/common.ts";
import { penaltyParams, penaltySlope } from "../../shaders/penalty.ts";
import { CONTROL, CONTROL_SIZE } from "../../shaders/step.ts";
import { wgsl } from "../../shaders/wgsl.ts";
import { type NdArray, sizeOf } from "../core/ndarray.ts";
import { expectSame } from "../graph/graph.ts";
import type { Op } from "../graph/op.ts";
import { type PenaltyAttrs, penaltyGradient } from "./penalty.ts";
import { flatLaunch, input, output } from "./plan.ts";
import { boundLike } from "./rounding.ts";

const code = wgsl`
${penaltyParams.wgsl}
${storage(read("dw"), read("w"), read("control"), write("dy"))}
${flatMain(`  let v = w[i];\n  dy[i] = dw[i] + control[${CONTROL.scale}] * (${penaltySlope("v")});`)}
`;

const times = (a: NdArray, factor: number): NdArray => ({ ...a, data: a.data.map((v) => v * factor) as typeof a.data });

/**
 * dy = dw + scale (l1 sign(w) + 2 l2 w): penaltyGradient where the gradient dw of the data's loss is scaled. Inputs: dw, w,
 * and the numbers of a step, control f32 [8], which hold the scale.
 */
export const scaledPenaltyGradient: Op<PenaltyAttrs> = {
  name: "scaledPenaltyGradient",
  infer(inputs) {
    expectSame(scaledPenaltyGradient, inputs.slice(0, 2));
    return [{ shape: inputs[1]!.shape, dtype: "f32" }];
  },
  reference([dw, w, c], attrs) {
    const scale = c!.data[CONTROL.scale]!;
    // Exact both ways, since the scale is a power of two.
    return [times(penaltyGradient.reference([times(dw!, 1 / scale), w!], attrs)[0]!, scale)];
  },
  gradient: "none",
  kernels: [
    {
      name: "scaledPenaltyGradient/flat",
      plan([dw], _outputs, { l1, l2 }, caps) {
        const size = sizeOf(dw!.shape);
        const params = penaltyParams.pack({ size, stride: 0, l1, l2 });
        return { launches: [flatLaunch(code, params, [input(0), input(1), input(2), output(0)], size, caps)] };
      },
    },
  ],
  bound([dw, w, c], [edw, ew], [dy], attrs) {
    const scale = c!.data[CONTROL.scale]!;
    const inner = [times(dw!, 1 / scale), w!];
    const errors = [edw ? times(edw, 1 / scale) : null, ew ?? null];
    const out = boundLike(dy!);
    out.data.set(times(penaltyGradient.bound!(inner, errors, [dy!], attrs)[0]!, scale).data);
    return [out];
  },
  cases: [
    { shape: [33, 9], l1: 0.3, l2: 0.2, scale: 1024 },
    { shape: [5], l1: 0.01, l2: 0.05, scale: 0.5 },
  ].map(({ shape, l1, l2, scale }) => ({
    name: `${shape.join("x")}: l1 ${l1}, l2 ${l2}, scale ${scale}`,
    inputs: [
      { shape, dtype: "f32" as const },
      { shape, dtype: "f32" as const },
      { shape: [CONTROL_SIZE], dtype: "f32" as const, fill: [0.1, 1, 2 ** -10, 2.5, 0.2, 0.1, scale, 17] },
    ],
    attrs: { l1, l2 },
  })),
};
