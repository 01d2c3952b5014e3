import { isHidden } from "../../worker/attention-sizes.ts";
import type { AttentionStory } from "../../worker/attention-story.ts";
import type { Factor as FilmFactor, Terms as FilmTerms } from "../film/products.tsx";
import { type MapName, mapOf, placeOf } from "./frames.ts";

type Factor = FilmFactor<MapName>;
type Terms = FilmTerms<MapName>;

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** The number at a place of a map, and its gradient. */
function at(s: AttentionStory, map: MapName, row: number, column: number): Factor {
  const { columns, values } = mapOf(s, map);
  const index = row * columns + column;
  return { value: values[index]!, cell: { map, index } };
}
function delta(s: AttentionStory, map: MapName, row: number, column: number): Factor {
  const { columns, deltas } = mapOf(s, map);
  const index = row * columns + column;
  return { value: deltas[index]!, cell: { map, index } };
}

const terms = (pairs: Terms["pairs"], total: number, columns: number, scale = 1): Terms => ({
  pairs,
  total,
  columns,
  start: 0,
  scale,
});

/** Which matrix makes queries, keys or values of the steps. */
export const projectionOf = { q: "wq", k: "wk", v: "wv" } as const;
export type Projected = keyof typeof projectionOf;
/** The step whose row it is: of the queries there is one. */
const stepOf = (s: AttentionStory, map: Projected, row: number): number => (map === "q" ? s.query : row);

/** A number of a query, key or value: its step times a column of the matrix. */
export function projectedTerms(s: AttentionStory, map: Projected, index: number): Terms {
  const { row, column } = placeOf(s[map], index);
  const pairs = range(s.width).map(
    (c) => [at(s, "x", stepOf(s, map, row), c), at(s, projectionOf[map], c, column)] as const,
  );
  return terms(pairs, s[map].values[index]!, s.width);
}

export const scaleOf = ({ width }: Pick<AttentionStory, "width">): number => 1 / Math.sqrt(width);

/** The score of a step: the query times that step's key, and the scale. */
export function scoreTerms(s: AttentionStory, step: number): Terms {
  const pairs = range(s.width).map((c) => [at(s, "q", 0, c), at(s, "k", step, c)] as const);
  return terms(pairs, s.scores.values[step]!, s.width, scaleOf(s));
}

/** A number of the output: the weights of all steps, times their values. */
export function outputTerms(s: AttentionStory, column: number): Terms {
  const pairs = range(s.steps).map((j) => [at(s, "weights", 0, j), at(s, "v", j, column)] as const);
  return terms(pairs, s.output.values[column]!, s.steps);
}

/** The gradient of a value: what its step weighed, times the output's. */
export function valueDeltaTerms(s: AttentionStory, index: number): Terms {
  const { row, column } = placeOf(s.v, index);
  return terms([[at(s, "weights", 0, row), delta(s, "output", 0, column)]], s.v.deltas[index]!, 1);
}

/** The gradient of a weight: the output's, times that step's value. */
export function weightDeltaTerms(s: AttentionStory, step: number): Terms {
  const pairs = range(s.width).map((c) => [delta(s, "output", 0, c), at(s, "v", step, c)] as const);
  return terms(pairs, s.weights.deltas[step]!, s.width);
}

/** What is taken off each weight's gradient by the softmax: the mean of them all, as they weigh. */
export function meanDeltaTerms(s: AttentionStory): Terms {
  const pairs = range(s.steps).map((j) => [at(s, "weights", 0, j), delta(s, "weights", 0, j)] as const);
  return terms(
    pairs,
    pairs.reduce((sum, [p, d]) => sum + p.value * d.value, 0),
    s.steps,
  );
}

/** The gradient of the query: the scores', times the keys, and the scale. */
export function queryDeltaTerms(s: AttentionStory, column: number): Terms {
  const pairs = range(s.steps).map((j) => [delta(s, "scores", 0, j), at(s, "k", j, column)] as const);
  return terms(pairs, s.q.deltas[column]!, s.steps, scaleOf(s));
}

/** The gradient of a key: its score's, times the query, and the scale. */
export function keyDeltaTerms(s: AttentionStory, index: number): Terms {
  const { row, column } = placeOf(s.k, index);
  return terms([[delta(s, "scores", 0, row), at(s, "q", 0, column)]], s.k.deltas[index]!, 1, scaleOf(s));
}

/** The gradient of a projection's weight: what went in at each step, times the gradient of what came out. */
export function projectionDeltaTerms(s: AttentionStory, map: Projected, index: number): Terms {
  const own = s[projectionOf[map]];
  const { row, column } = placeOf(own, index);
  const pairs = range(s[map].rows).map((j) => [at(s, "x", stepOf(s, map, j), row), delta(s, map, j, column)] as const);
  return terms(pairs, own.deltas[index]!, pairs.length);
}

/** The gradient of a step's number: of its key, its value and, where it asked, its query, back over the matrices. */
export function stepDeltaTerms(s: AttentionStory, index: number): Terms {
  const { row, column } = placeOf(s.x, index);
  const from = (map: Projected) => {
    if (map === "q" && row !== s.query) return range(s.width).map(() => null);
    const own = map === "q" ? 0 : row;
    return range(s.width).map((c) => [delta(s, map, own, c), at(s, projectionOf[map], column, c)] as const);
  };
  return terms([...from("q"), ...from("k"), ...from("v")], s.x.deltas[index]!, s.width);
}

/** How the softmax comes about: the largest seen score, e to each difference from it, and their sum. */
export function softmaxParts(s: AttentionStory): {
  readonly top: number;
  readonly powers: readonly number[];
  readonly sum: number;
} {
  const seen = s.scores.values.map((v, j) => (isHidden(s, j) ? Number.NEGATIVE_INFINITY : v));
  const top = Math.max(...seen);
  const powers = seen.map((v) => Math.exp(v - top));
  return { top, powers, sum: powers.reduce((a, b) => a + b, 0) };
}
