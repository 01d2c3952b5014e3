import { read, storage, write } from "../../shaders/common.ts";
import { CONTROL, CONTROL_SIZE } from "../../shaders/step.ts";
import { wgsl } from "../../shaders/wgsl.ts";
import type { Op } from "../graph/op.ts";
import { input, output } from "./plan.ts";
import { floatLike } from "./rounding.ts";

const code = wgsl`
${storage(read("control"), write("scale"))}
@compute @workgroup_size(1)
fn main() { scale[0] = control[${CONTROL.scale}]; }
`;

/**
 * scale [1], out of the numbers of a step: what the gradient of the loss by itself begins from. Halves hold no numbers
 * below 2^-24, and gradients go there; scaled by a power of two they are the same digits, further up.
 */
export const lossScale: Op<null> = {
  name: "lossScale",
  infer: () => [{ shape: [1], dtype: "f32" }],
  reference([c]) {
    const scale = floatLike(c!, [1]);
    scale.data[0] = c!.data[CONTROL.scale]!;
    return [scale];
  },
  gradient: "none",
  kernels: [
    {
      name: "lossScale/one",
      plan: () => ({
        launches: [{ code, params: null, bindings: [input(0), output(0)], workgroups: [1, 1, 1] }],
      }),
    },
  ],
  cases: [
    {
      name: "of a step",
      inputs: [{ shape: [CONTROL_SIZE], dtype: "f32", fill: [0.1, 1, 2 ** -10, 2.5, 0.2, 0.1, 1024, 17] }],
      attrs: null,
    },
  ],
};
