import { expect, test } from "vitest";
import {
  type Cell,
  framesOf,
  isKnown,
  type MapName,
  mapNames,
  mapOf,
  projections,
  shownOf,
  showsDeltas,
} from "../../src/app/backprop/attention/frames.ts";
import * as terms from "../../src/app/backprop/attention/terms.ts";
import type { Terms } from "../../src/app/backprop/film/products.tsx";
import { isHidden, STEPS, WIDTHS } from "../../src/app/worker/attention-sizes.ts";
import { type AttentionSetup, type AttentionStory, attentionStory } from "../../src/app/worker/attention-story.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { attention, attentionGradient } from "../../src/ops/attention/attention.ts";

const setups: readonly AttentionSetup[] = STEPS.flatMap((steps) =>
  WIDTHS.flatMap((width) =>
    [false, true].flatMap((causal) =>
      Array.from({ length: steps }, (_, query) => ({
        steps,
        width,
        causal,
        query,
        x: null,
        target: null,
        parameters: null,
      })),
    ),
  ),
);
const first = setups.find((s) => s.causal && s.query === 2)!;

/** The products are of numbers that their cells hold, and come to the engine's number. */
function holds(s: AttentionStory, { pairs, start, scale = 1, total }: Terms<MapName>): void {
  const products = pairs.flatMap((pair) => (pair ? [pair[0].value * pair[1].value] : []));
  expect(start + scale * products.reduce((a, b) => a + b, 0)).toBeCloseTo(total, 12);
  for (const { value, cell } of pairs.flatMap((pair) => pair ?? [])) {
    const { values, deltas } = mapOf(s, cell!.map);
    expect([values[cell!.index], deltas[cell!.index]]).toContain(value);
  }
}

test.each(["not causal", "causal"])("%s: every drawn sum comes to what the engine found, for every query", (kind) => {
  for (const setup of setups.filter((s) => s.causal === (kind === "causal"))) {
    const s = attentionStory(setup);
    const each = (map: MapName, of: (index: number) => Terms<MapName>, deltas = false): void => {
      const found = mapOf(s, map)[deltas ? "deltas" : "values"];
      for (const [i, v] of found.entries()) {
        const drawn = of(i);
        expect(drawn.total).toBe(v);
        holds(s, drawn);
      }
    };
    for (const map of ["q", "k", "v"] as const) each(map, (i) => terms.projectedTerms(s, map, i));
    each("scores", (i) => terms.scoreTerms(s, i));
    each("output", (i) => terms.outputTerms(s, i));
    each("v", (i) => terms.valueDeltaTerms(s, i), true);
    each("weights", (i) => terms.weightDeltaTerms(s, i), true);
    each("q", (i) => terms.queryDeltaTerms(s, i), true);
    each("k", (i) => terms.keyDeltaTerms(s, i), true);
    for (const map of ["q", "k", "v"] as const) {
      each(terms.projectionOf[map], (i) => terms.projectionDeltaTerms(s, map, i), true);
    }
    each("x", (i) => terms.stepDeltaTerms(s, i), true);
    const { powers, sum } = terms.softmaxParts(s);
    const mean = terms.meanDeltaTerms(s);
    holds(s, mean);
    s.weights.values.forEach((p, j) => {
      expect(p).toBeCloseTo(powers[j]! / sum, 12);
      expect(s.scores.deltas[j]).toBeCloseTo(p * (s.weights.deltas[j]! - mean.total), 12);
      if (isHidden(s, j)) expect([p, Math.abs(s.scores.deltas[j]!)]).toEqual([0, 0]);
      else expect(p).toBeGreaterThan(0);
    });
    s.output.values.forEach((o, c) => {
      expect(s.output.deltas[c]).toBeCloseTo(2 * (o - s.target[c]!), 12);
    });
    expect(s.output.values.reduce((all, o, c) => all + (o - s.target[c]!) ** 2, 0)).toBeCloseTo(s.loss, 12);
  }
});

test("the engine's own attention, which keeps no scores, gives the same output and gradients", () => {
  for (const setup of setups) {
    const s = attentionStory(setup);
    const { steps, width, query } = setup;
    /** A row for each step: its query, which only the one that is followed has, its key and its value. */
    const rows = (part: "values" | "deltas") =>
      Array.from({ length: steps }, (_, j) => [
        ...(j === query ? s.q[part] : new Array<number>(width).fill(0)),
        ...s.k[part].slice(j * width, (j + 1) * width),
        ...s.v[part].slice(j * width, (j + 1) * width),
      ]).flat();
    const attrs = { heads: 1, keyHeads: 1, causal: setup.causal, lengths: false, dropout: null };
    const qkv = ndarray([1, steps, 3 * width], "f64", rows("values"));
    const [o, lse] = attention.reference([qkv], attrs);
    const at = [query * width, (query + 1) * width] as const;
    const dy = ndarray([1, steps, width], "f64", new Array<number>(steps * width).fill(0));
    dy.data.set(s.output.deltas, at[0]);
    const [dqkv] = attentionGradient.reference([dy, qkv, o!, lse!], attrs);
    s.output.values.forEach((v, c) => {
      expect(o!.data[at[0] + c]).toBeCloseTo(v, 12);
    });
    rows("deltas").forEach((v, i) => {
      expect(dqkv!.data[i]).toBeCloseTo(v, 12);
    });
  }
});

test("gradients of every number that is given are the slopes that nudging finds", () => {
  const s = attentionStory(first);
  const given = { x: s.x.values, target: s.target, parameters: { wq: s.wq.values, wk: s.wk.values, wv: s.wv.values } };
  const h = 1e-5;
  for (const map of ["x", ...projections] as const) {
    s[map].values.forEach((_, index) => {
      const lossAt = (by: number): number => {
        const list = s[map].values.map((v, i) => (i === index ? v + by : v));
        const next = map === "x" ? { x: list } : { parameters: { ...given.parameters, [map]: list } };
        return attentionStory({ ...first, ...given, ...next }).loss;
      };
      expect((lossAt(h) - lossAt(-h)) / (2 * h)).toBeCloseTo(s[map].deltas[index]!, 7);
    });
    expect(s[map].deltas.some((v) => Math.abs(v) > 1e-3)).toBe(true);
  }
});

test("numbers appear one by one, values on the way there and gradients on the way back", () => {
  for (const setup of setups) {
    const s = attentionStory(setup);
    const frames = framesOf(s);
    const cells = mapNames.flatMap((map) => mapOf(s, map).values.map((_, index): Cell => ({ map, index })));
    const known = (at: number): number => cells.filter((c) => isKnown(frames[at]!, c)).length;
    const back = frames.findIndex((f) => f.phase === "atOutput");
    for (let i = 1; i < back; i++) expect(known(i), `picture ${i}`).toBeGreaterThanOrEqual(known(i - 1));
    const { steps, width } = setup;
    expect(known(0)).toBe(steps * width + 3 * width ** 2 + width + 1);
    expect(known(back - 1)).toBe(cells.length);
    expect(known(frames.length - 1)).toBe(cells.length);
    // Every picture is about a number that it shows.
    for (const f of frames) expect(isKnown(f, f.cell), `${f.phase} ${f.cell.map} ${f.cell.index}`).toBe(true);
    expect(mapNames.filter((m) => showsDeltas(frames.at(-1)!, m))).toEqual(mapNames.filter((m) => m !== "target"));
    const masked = frames.find((f) => f.phase === "mask")!;
    shownOf(s, masked, "scores").forEach((v, j) => {
      expect(v).toBe(isHidden(s, j) ? Number.NEGATIVE_INFINITY : s.scores.values[j]);
    });
  }
});

test("a step against the gradients makes the loss fall; numbers of another size are begun anew", () => {
  const s = attentionStory(first);
  const moved = (map: (typeof projections)[number]) => s[map].values.map((v, i) => v - 0.1 * s[map].deltas[i]!);
  const parameters = { wq: moved("wq"), wk: moved("wk"), wv: moved("wv") };
  const stepped = attentionStory({ ...first, parameters });
  expect(stepped.loss).toBeLessThan(s.loss);
  const wider = attentionStory({ ...first, width: 4, x: s.x.values, parameters });
  expect(wider.wq.values.length).toBe(16);
  expect(wider.x.values.length).toBe(16);
});
