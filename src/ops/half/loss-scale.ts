import { CONTROL, CONTROL_SIZE } from "../../../shaders/step/step.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { boundLike, floatLike, U } from "../shared/rounding.ts";

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
  proof: {
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
  },
};
