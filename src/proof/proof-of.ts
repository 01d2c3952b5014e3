import type { Op, Proof } from "../graph/op.ts";

/**
 * An op's proof, its own or one out of the table, which is loaded with the first that is asked for. Throws ChainruleError
 * "model" for an op that has none.
 */
export async function proofOf<A>(op: Op<A>): Promise<Proof<A>> {
  return (await import("../ops/proofs.ts")).proofOf(op);
}
