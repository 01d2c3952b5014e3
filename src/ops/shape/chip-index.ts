import { type Index, index } from "../../graph/chip.ts";

/** Arithmetic on indices beyond graph/chip.ts, and choices: what is known when the code is written is worked out there. */

/** A condition: known when the code is written, or WGSL. */
export type Condition = boolean | string;

function folded<T>(now: (a: number, b: number) => T, then: (a: string, b: string) => string) {
  return (a: Index, b: Index): T | string =>
    typeof a === "number" && typeof b === "number" ? now(a, b) : then(index.text(a), index.text(b));
}

export const below: (a: Index, b: Index) => Condition = folded(
  (a, b) => a < b,
  (a, b) => `(${a} < ${b})`,
);
export const smaller: (a: Index, b: Index) => Index = folded(Math.min, (a, b) => `min(${a}, ${b})`);
/** a - b, which is at least 0. */
export const minus: (a: Index, b: Index) => Index = folded(
  (a, b) => a - b,
  (a, b) => `(${a} - ${b})`,
);

/** By `&`, which computes both: `&&` is a branch. */
export function both(a: Condition, b: Condition): Condition {
  if (typeof a === "boolean") return a && b;
  return typeof b === "boolean" ? b && a : `(${a} & ${b})`;
}

/** WGSL of one of two values. */
export function choose(condition: Condition, yes: string, no: string): string {
  if (typeof condition === "boolean") return condition ? yes : no;
  return `select(${no}, ${yes}, ${condition})`;
}
