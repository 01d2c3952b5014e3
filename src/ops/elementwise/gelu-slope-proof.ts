import { ndarray } from "../../core/ndarray.ts";
import type { Proof } from "../../graph/op.ts";
import { activationGradientProof, activationProof } from "./activation-proof.ts";
import { gelu } from "./activations.ts";

const forward = activationProof(gelu.spec);
const backward = activationGradientProof(gelu.spec);

/** Of both: the slope's bound is that of the gradient of ones. */
export const geluWithSlope: Proof<null> = {
  async bound([x], [e], [y, slope]) {
    const ones = ndarray(
      x!.shape,
      x!.dtype,
      x!.data.map(() => 1),
    );
    const alpha = { alpha: 0 };
    const [ofY] = await forward.bound!([x!], [e ?? null], [y!], alpha);
    const [ofSlope] = await backward.bound!([ones, x!], [null, e ?? null], [slope!], alpha);
    return [ofY!, ofSlope!];
  },
  cases: forward.cases.map((c) => ({ ...c, attrs: null })),
};
