import { wgsl } from "./wgsl.ts";

/** A loop that adds up terms. */
export interface Turns {
  /** Where it begins, the first it must not reach, and how far one term lies behind the other: expressions, and a number. */
  readonly begin: string;
  readonly end: string;
  readonly step: number;
  /** Of which type terms are, and the variable that they are added to, `sum` by default. */
  readonly type: "f32" | "vec4<f32>";
  readonly into?: string;
  /** Terms that are read before the first is added. */
  readonly ahead?: number;
  /** Places that a term takes: the last begins so many before the end. Default 1. */
  readonly each?: number;
}

/** Terms of a turn where nobody says otherwise. */
const AHEAD = 4;

/**
 * Adds terms to a variable. A GPU waits for memory in each turn of a loop, so that how many loads are under way
 * decides: those of several terms are written out before the first is added. What would lie behind the last term is read
 * from there and left out, not multiplied by zero, since it may be infinite.
 * `load` gives statements that read what term number t needs, which is at place `k`; `term` makes it of that.
 */
export function addedInTurns(
  { begin, end, step, type, into = "sum", ahead = AHEAD, each = 1 }: Turns,
  load: (k: string, t: number) => string,
  term: (t: number) => string,
): string {
  const all = Array.from({ length: ahead }, (_, t) => t);
  const places = all.slice(1).map((t) => `let k${t} = min(k0 + ${t * step}u, ${end} - ${each}u);`);
  const loads = all.map((t) => load(`k${t}`, t));
  // One expression, since storing to a variable costs a CPU's adapter more than adding does.
  const terms = all.map((t) => (t === 0 ? term(t) : `select(${type}(), ${term(t)}, k0 + ${t * step}u < ${end})`));
  return wgsl`
  for (var k0 = ${begin}; k0 < ${end}; k0 += ${ahead * step}u) {
    ${[...places, ...loads, `${into} += ${terms.join(" + ")};`].join("\n    ")}
  }
`;
}
