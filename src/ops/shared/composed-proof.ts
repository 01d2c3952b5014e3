import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof, ProofOf } from "../../graph/op.ts";
import { type Composition, valuesAt } from "./composed.ts";

/** Of a composition: `cases` are its own. */
export function composedProof<A>(c: Composition<A>, proofOf: ProofOf, cases: readonly OpCase<A>[]): Proof<A> {
  return { bound: boundOfParts(c.body, proofOf), cases };
}

/** The bound of a composition: each part's, with what the parts before it may be off by. */
function boundOfParts<A>(body: Composition<A>["body"], proofOf: ProofOf): NonNullable<Proof<A>["bound"]> {
  type Bounded = { readonly value: NdArray; readonly error: NdArray | null };
  return async (inputs, errors, _outputs, attrs) => {
    const { parts, outputs } = body(attrs, inputs.length);
    const given = inputs.map((value, i): Bounded => ({ value, error: errors[i] ?? null }));
    const results: (readonly Bounded[])[] = [];
    for (const { op, attrs: own, inputs: refs } of parts) {
      const values = valuesAt(refs, given, results);
      // References that work in place would change what the bound is then asked about.
      const before = values.map(({ value }) => ({ ...value, data: value.data.slice() }));
      const made = op.reference(
        values.map(({ value }) => value),
        own,
      );
      const { bound } = await proofOf(op);
      const off = values.map(({ error }) => error);
      const bounds = await bound?.(before, off, made, own);
      results.push(made.map((value, i) => ({ value, error: bounds?.[i] ?? null })));
    }
    return valuesAt(outputs, given, results).map(({ error }) => error);
  };
}
