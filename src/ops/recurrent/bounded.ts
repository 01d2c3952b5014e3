import type { NdArray } from "../../core/ndarray.ts";
import type { ActivationSpec } from "../elementwise/activation.ts";
import { sigmoid, tanh } from "../elementwise/activations.ts";
import { errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import type { Arithmetic } from "./cells.ts";

/** A value and how far a right f32 one may be off. */
export interface Bounded {
  readonly v: number;
  readonly e: number;
}

/** An f32 operation's result, whose operands' errors are in `e`. */
const rounded = (v: number, e: number): Bounded => ({ v, e: e + U * (Math.abs(v) + e) + TINY });

function through(spec: ActivationSpec, { v, e }: Bounded): Bounded {
  const f = spec.fn(v, 0);
  const moved = Math.max(Math.abs(spec.fn(v + e, 0) - f), Math.abs(spec.fn(v - e, 0) - f));
  return { v: f, e: moved + U * (spec.rounding(v) + 1) * (Math.abs(f) + moved) + 2 * TINY * (1 + Math.abs(v)) };
}

/** The arithmetic of the cells with errors carried: each operation adds those of its operands and its own rounding. */
export const bounded: Arithmetic<Bounded> = {
  zero: { v: 0, e: 0 },
  one: { v: 1, e: 0 },
  add: (a, b) => rounded(a.v + b.v, a.e + b.e),
  sub: (a, b) => rounded(a.v - b.v, a.e + b.e),
  mul: (a, b) => rounded(a.v * b.v, a.e * Math.abs(b.v) + Math.abs(a.v) * b.e + a.e * b.e),
  sigmoid: (a) => through(sigmoid.spec, a),
  tanh: (a) => through(tanh.spec, a),
  relu: (a) => ({ v: Math.max(0, a.v), e: a.e }),
  // Within its error of 0 an output says nothing of which side it is on.
  where: (y, b) => ({ v: y.v > 0 ? b.v : 0, e: y.e > 0 && y.v - y.e <= 0 ? Math.abs(b.v) + b.e : b.e }),
};

/** Values of an array with their errors. */
export const reader =
  (x: NdArray | undefined, errors: NdArray | null | undefined) =>
  (i: number): Bounded => ({
    v: x!.data[i]!,
    e: errorAt(errors, i),
  });

/** The sum of `count` products and a further term, added up in f32 in whatever order. */
export function sumOf(count: number, a: (k: number) => Bounded, b: (k: number) => Bounded, more: Bounded): Bounded {
  let [v, e, size] = [more.v, more.e, Math.abs(more.v)];
  for (let k = 0; k < count; k++) {
    const [p, q] = [a(k), b(k)];
    v += p.v * q.v;
    size += Math.abs(p.v * q.v);
    e += p.e * Math.abs(q.v) + Math.abs(p.v) * q.e + p.e * q.e;
  }
  return { v, e: e + 2 * gamma(count + 4) * (size + e) + (count + 1) * TINY };
}
