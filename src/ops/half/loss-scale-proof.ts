import { CONTROL_SIZE } from "../../../shaders/step/step.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, U } from "../shared/rounding.ts";
import type { LossScaleAttrs } from "./loss-scale.ts";

export const lossScale: Proof<LossScaleAttrs> = {
  // The share is rounded, and so is the product, but for a share that is a power of two.
  bound(_inputs, _errors, [scale], { share }) {
    const out = boundLike(scale!);
    out.data[0] = Number.isInteger(Math.log2(share)) ? 0 : 2.5 * U * scale!.data[0]!;
    return [out];
  },
  cases: [1, 1 / 3].map((share) => ({
    name: `of a step, share ${share === 1 ? "1" : "1/3"}`,
    inputs: [{ shape: [CONTROL_SIZE], dtype: "f32" as const, fill: [0.1, 1, 2 ** -10, 2.5, 0.2, 0.1, 1024, 17] }],
    attrs: { share },
  })),
};
