import type { Proof, ProofOf } from "../../graph/op.ts";
import { type PenaltyAttrs, penaltyGradient } from "../step/penalty.ts";

/** Of penaltyGradient where gradients are scaled: a third input has the scale. */
export async function scaledPenaltyGradient(_of: null, proofOf: ProofOf): Promise<Proof<PenaltyAttrs>> {
  const { bound, cases } = await proofOf(penaltyGradient);
  const control = { shape: [8], dtype: "f32" as const, fill: [0.1, 1, 2 ** -10, 2.5, 0.2, 0.1, 1024, 17] };
  return { bound: bound!, cases: cases.map((c) => ({ ...c, inputs: [...c.inputs, control] })) };
}
