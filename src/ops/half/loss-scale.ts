import { CONTROL } from "../../../shaders/step/step.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";

const code = (share: number): string => `
@group(0) @binding(1) var<storage, read> control: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@compute @workgroup_size(1)
fn main() { scale[0] = control[${CONTROL.scale}] * ${Math.fround(share)}f; }
`;

export interface LossScaleAttrs {
  /** What the gradient begins from without a scale: 1, or a batch's share in a step of several. */
  readonly share: number;
}

/**
 * d loss [1] = scale * share, the scale out of the numbers of a step: what the gradient of the loss by itself begins from.
 * Halves hold no numbers below 2^-24, and gradients go there; scaled by a power of two they are the same digits, further
 * up.
 */
export const lossScale: Op<LossScaleAttrs> = {
  name: "lossScale",
  infer: () => [{ shape: [1], dtype: "f32" }],
  reference([c], { share }) {
    const scale = floatLike(c!, [1]);
    scale.data[0] = c!.data[CONTROL.scale]! * share;
    return [scale];
  },
  gradient: "none",
  kernels: [
    {
      name: "lossScale/one",
      plan: (_inputs, _outputs, { share }) => ({
        launches: [{ code: code(share), params: null, bindings: [input(0), output(0)], workgroups: [1, 1, 1] }],
      }),
    },
  ],
};
