import type { Proof } from "../graph/op.ts";

/** The module with the proofs of all ops: bounds and cases. */
export type Proofs = typeof import("./proofs.ts");

/** A proof that is loaded with all others when a check first asks for one. */
export const late =
  <A>(pick: (proofs: Proofs) => Proof<A>) =>
  async (): Promise<Proof<A>> =>
    pick(await import("./proofs.ts"));
