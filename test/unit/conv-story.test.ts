import { expect, test } from "vitest";
import {
  framesOf,
  isKnown,
  mapNames,
  mapOf,
  showsDeltas,
  winnerOf,
} from "../../src/app/backprop/convolution/frames.ts";
import * as terms from "../../src/app/backprop/convolution/terms.ts";
import type { Terms } from "../../src/app/backprop/film/products.tsx";
import { type ConvSetup, type ConvStory, convStory } from "../../src/app/worker/conv-story.ts";

/** Whole tenths, none of them alike in pattern with the kernels; negative ones among them. */
const x = Array.from({ length: 36 }, (_, i) => ((i * 7) % 11) / 10 - 0.3);
const setups: readonly ConvSetup[] = [1, 2].flatMap((kernels) =>
  [0, 1].flatMap((padding) =>
    [1, 2].map((stride) => ({ kernels, padding, stride, x, label: kernels, parameters: null })),
  ),
);
const named = (s: ConvSetup): string => `${s.kernels} kernels, padding ${s.padding}, stride ${s.stride}`;

function comesTo({ pairs, start, total }: Terms): void {
  const sum = pairs.reduce((all, pair) => all + (pair ? pair[0].value * pair[1].value : 0), start);
  expect(sum).toBeCloseTo(total, 12);
}

test.each(setups.map((s) => [named(s), s] as const))(
  "%s: products add up to what the engine found",
  async (_, setup) => {
    const s = await convStory(setup);
    for (const i of s.conv.values.keys()) comesTo(terms.windowTerms(s, i));
    for (const i of s.outputs.values.keys()) comesTo(terms.outputTerms(s, i));
    for (const i of s.pool.deltas.keys()) comesTo(terms.poolDeltaTerms(s, i));
    for (const i of s.gradients.kernels.keys()) comesTo(terms.kernelDeltaTerms(s, i));
    for (const i of s.input.deltas.keys()) comesTo(terms.inputDeltaTerms(s, i));
    // The last place of each kernel has its whole gradient.
    const places = s.conv.side ** 2;
    for (let k = 0; k < setup.kernels; k++) {
      terms.sumUpTo(s, (k + 1) * places - 1).forEach((v, i) => {
        expect(v).toBeCloseTo(s.gradients.kernels[9 * k + i]!, 12);
      });
    }
    s.pool.values.forEach((v, i) => {
      const cells = terms.pooledCells(s, i).map((c) => c.index);
      expect(v).toBe(Math.max(...cells.map((c) => s.relu.values[c]!)));
      // The first of several that are equal.
      expect(winnerOf(s, i)).toBe(cells.find((c) => s.relu.values[c] === v));
      for (const c of cells) expect(s.relu.deltas[c]).toBe(c === winnerOf(s, i) ? s.pool.deltas[i] : 0);
    });
    expect(s.gradients.kernels.some((v) => v !== 0)).toBe(true);
  },
);

test("what a term shows is what its cell holds", async () => {
  const s = await convStory({ ...setups.at(-1)!, stride: 1 });
  const held = [...s.conv.values.keys()].flatMap((i) => terms.windowTerms(s, i).pairs.flatMap((p) => p ?? []));
  for (const { value, cell } of held) expect(cell ? mapOf(s, cell.map).values[cell.index] : 0).toBe(value);
});

test("numbers appear one by one, values on the way there and gradients on the way back", async () => {
  const s = await convStory(setups[0]!);
  const frames = framesOf(s);
  const known = (at: number): number =>
    mapNames
      .flatMap((map) => mapOf(s, map).values.map((_, index) => isKnown(s, frames[at]!, { map, index })))
      .filter(Boolean).length;
  const back = frames.findIndex((f) => f.phase === "atOutputs");
  for (let i = 1; i < back; i++) expect(known(i), `picture ${i}`).toBeGreaterThanOrEqual(known(i - 1));
  expect(known(0)).toBe(36 + 9 + 1);
  expect(known(back - 1)).toBe(36 + 9 + 16 + 16 + 4 + 3);
  expect(mapNames.filter((m) => showsDeltas(frames[back]!, m))).toEqual(["outputs"]);
  expect(mapNames.every((m) => showsDeltas(frames.at(-1)!, m))).toBe(true);
  const sliding = frames.find((f) => f.phase === "input")!;
  expect(showsDeltas(sliding, "kernels")).toBe(false);
  expect(known(frames.length - 1)).toBe(known(back - 1));
});

test("numbers of another size than the settings' are begun anew, others are kept", async () => {
  const one = await convStory(setups[0]!);
  const kernels = one.parameters.kernels.map((v) => v + 0.25);
  const stepped: ConvStory = await convStory({ ...setups[1]!, parameters: { ...one.parameters, kernels } });
  expect(stepped.parameters.kernels).toEqual(kernels);
  expect(stepped.parameters.weights.length).toBe(3);
});
