import type { GraphNode } from "./net-graph.ts";
import { refuse } from "./protobuf.ts";
import type { Heads, Scores } from "./wired-attention.ts";

/** Letters of an equation of two values: "bihd,bjhd->bhij". */
function lettersOf(node: GraphNode): readonly [a: string, b: string, out: string] {
  const equation = String(node.attributes.get("equation") ?? "").replaceAll(" ", "");
  const [, a, b, out] = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(equation) ?? [];
  return a && b && out
    ? [a, b, out]
    : refuse(`${node.where}: the equation ${equation.slice(0, 60)}, which is no product of two`);
}

const reordered = (heads: Heads, letters: string, order: string): Heads => ({
  ...heads,
  view: { ...heads.view, axes: [...order].map((letter) => heads.view.axes[letters.indexOf(letter)]!) },
});

/** Shared letters, and the three of a product, in the order of the first. */
function roles(node: GraphNode): { both: string; m: string; n: string; k: string; a: string; b: string; out: string } {
  const [a, b, out] = lettersOf(node);
  const where = (x: boolean, y: boolean, z: boolean): string =>
    [...new Set(a + b)].filter((l) => a.includes(l) === x && b.includes(l) === y && out.includes(l) === z).join("");
  const found = { both: where(true, true, true), m: where(true, false, true), n: where(false, true, true) };
  const k = where(true, true, false);
  if (found.m.length !== 1 || found.n.length !== 1 || k.length !== 1) {
    refuse(`${node.where}: the equation ${a},${b}->${out} is no product as attention has them`);
  }
  return { ...found, k, a, b, out };
}

/** Queries and keys [.., steps, values] of a product, and where each axis of its scores stands among [.., m, n]. */
export function productOf(
  node: GraphNode,
  first: Heads,
  second: Heads,
): { readonly queries: Heads; readonly keys: Heads; readonly order: readonly number[] } {
  const { both, m, n, k, a, b, out } = roles(node);
  return {
    queries: reordered(first, a, both + m + k),
    keys: reordered(second, b, both + n + k),
    order: [...out].map((letter) => (both + m + n).indexOf(letter)),
  };
}

/** The values of weights [.., m, k], and where each axis of what comes out stands among [.., m, values]. */
export function weighedOf(
  node: GraphNode,
  scores: Scores,
  given: Heads,
): { readonly values: Heads; readonly order: readonly number[] } {
  const { both, m, n, k, a, b, out } = roles(node);
  if (a !== both + m + k || scores.queries.view.axes.length !== a.length) {
    refuse(`${node.where}: the equation ${a},${b}->${out} takes the axes of weights in another order`);
  }
  return {
    values: reordered(given, b, both + k + n),
    order: [...out].map((letter) => (both + m + n).indexOf(letter)),
  };
}
