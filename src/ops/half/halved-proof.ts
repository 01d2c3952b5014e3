import type { AnyOp, OpCase, Proof, ProofOf } from "../../graph/op.ts";
import { halvesOf, type Stores, storing } from "./halved.ts";
import { toHalf } from "./to-half.ts";

/** More cases than an op with kernels of many sizes has. */
const MANY = 9;

/** The bound of the op, and of storing its result. */
export async function halvedProof(op: AnyOp, proofOf: ProofOf): Promise<Proof<Stores>> {
  const { bound, cases } = await proofOf(op);
  const stored = await proofOf(toHalf);
  return {
    async bound(inputs, errors, outputs, attrs) {
      if (!attrs?.toHalf) return bound!(inputs, errors, outputs, attrs);
      const y = op.reference(inputs, attrs);
      return stored.bound!(y, await bound!(inputs, errors, y, attrs), outputs, null);
    },
    cases: casesOf(op, cases),
  };
}

/** The op's own, with operands stored as halves; and where a product may read the result, with that stored so too. */
function casesOf(op: AnyOp, given: readonly OpCase<Stores>[]): readonly OpCase<Stores>[] {
  const halves = halvesOf(op);
  // Some of many: sizes are what the op's own are for.
  const own = given.filter((_, i) => given.length < MANY || i % 6 === 1 || i === given.length - 1);
  const cases = own.map((c) => ({
    ...c,
    name: `${c.name} of halves`,
    inputs: c.inputs.map((x, i) => (halves.includes(i) && x.dtype === "f32" ? { ...x, dtype: "f16" as const } : x)),
  }));
  if (!storing.includes(op.name)) return cases;
  const stores = cases
    .filter((_, i) => i % 2 === 0)
    .map((c) => ({
      ...c,
      name: `${c.name} to halves`,
      attrs: { ...c.attrs, toHalf: true as const },
    }));
  return [...cases, ...stores];
}
