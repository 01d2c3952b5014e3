import { describe, expect, test } from "vitest";
import { type Item, itemsOf } from "../../src/app/net/items.ts";
import { layoutOf, NODE, type Point, pathOf } from "../../src/app/net/layout.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

const layoutFor = (items: readonly Item[]) => layoutOf(items.map((item) => item.sources));

/** Points along a line, close enough together that none jumps over a box. */
function along(points: readonly Point[]): Point[] {
  return points.slice(1).flatMap(([x, y], i) => {
    const [fx, fy] = points[i]!;
    const steps = Math.ceil(Math.hypot(x - fx, y - fy) / 5);
    return Array.from(
      { length: steps + 1 },
      (_, k): Point => [fx + ((x - fx) * k) / steps, fy + ((y - fy) * k) / steps],
    );
  });
}

/** What a drawing must be, whatever the net: boxes apart, each below what it reads, lines round boxes and apart. */
function requireReadable(items: readonly Item[]): void {
  const { places, lines, width, height } = layoutFor(items);
  expect(places.length).toBe(items.length + 1);
  expect(lines.map((l) => `${l.from}-${l.to}`).sort()).toEqual(
    items.flatMap((item, i) => item.sources.map((from) => `${from}-${i}`)).sort(),
  );
  places.forEach((a, i) => {
    expect(a.x >= 0 && a.y >= 0 && a.x + NODE.width <= width && a.y + NODE.height <= height).toBe(true);
    for (const b of places.slice(i + 1))
      expect(Math.abs(a.x - b.x) >= NODE.width || Math.abs(a.y - b.y) >= NODE.height).toBe(true);
  });
  for (const { from, to, points } of lines) {
    expect(places[to + 1]!.y).toBeGreaterThan(places[from + 1]!.y);
    for (const [x, y] of along(points)) {
      expect(x >= 0 && x <= width && y >= 0 && y <= height).toBe(true);
      const inside = places.filter((p) => x > p.x && x < p.x + NODE.width && y > p.y && y < p.y + NODE.height);
      expect(inside, `${from}-${to}`).toEqual([]);
    }
  }
  /** Where a line runs down beside the boxes: its furthest x, from and to. */
  const lanes = lines
    .filter((l) => l.passes)
    .map(({ points }) => {
      const x = Math.max(...points.map((p) => p[0]));
      const ys = points.filter((p) => p[0] === x).map((p) => p[1]);
      return { x, from: Math.min(...ys), to: Math.max(...ys) };
    });
  lanes.forEach((a, i) => {
    for (const b of lanes.slice(i + 1)) {
      const overlap = Math.min(a.to, b.to) > Math.max(a.from, b.from);
      expect(a.x !== b.x || !overlap).toBe(true);
    }
  });
}

describe("a drawing of the net", () => {
  test.each(Object.keys(allPresets))("of the preset %s has every layer and every edge, folded or not", (name) => {
    const { model } = allPresets[name]!;
    for (const folded of [false, true]) {
      const items = itemsOf(model, folded);
      expect(items.reduce((sum, item) => sum + item.layers, 0)).toBe(model.layers.length);
      requireReadable(items);
    }
  });

  test("folds the residual net to its blocks, and puts a short cut beside what it passes", () => {
    const { model } = allPresets["fashion-resnet"]!;
    const blocks = itemsOf(model, true);
    expect(blocks.map((b) => b.called)).toEqual([
      "stem",
      ...[1, 2, 3].flatMap((s) => [1, 2, 3].map((b) => `stage${s}.block${b}`)),
      "head",
    ]);
    expect(blocks.every((b, i) => `${b.sources}` === `${i - 1}`)).toBe(true);
    expect(blocks[0]).toMatchObject({ type: null, layers: 3, shape: [16, 28, 28], parameters: 16 * 9 + 32 });
    const { lines } = layoutFor(itemsOf(model, false));
    // Nine blocks: seven pass by as they are, two through a convolution that has a column of its own.
    const passing = lines.filter((l) => l.passes);
    expect(passing.length).toBe(7);
    // As near as boxes allow: those of the first stage have nothing beside them.
    expect(Math.max(...passing[0]!.points.map((p) => p[0]))).toBeLessThan(2 * NODE.width);
  });

  test("of branches, branches within branches, and of one value used by many", () => {
    const conv = (from: string | undefined, name: string) => ({
      type: "conv2d",
      in: 4,
      out: 4,
      kernel: 1,
      name,
      ...(from ? { from } : {}),
    });
    const model = parseModel({
      input: [4, 3, 3],
      layers: [
        conv(undefined, "a"),
        conv("a", "b1"),
        conv("b1", "b2"),
        conv("a", "c1"),
        conv("c1", "c2"),
        conv("a", "d1"),
        { type: "add", from: ["b1", "c2"], name: "e" },
        { type: "add", from: ["b2", "d1", "e", "a", "input"], name: "f" },
        { type: "flatten" },
        { type: "linear", in: 36, out: 2 },
      ],
      loss: "mse",
    });
    requireReadable(itemsOf(model, false));
  });

  test("has lines with round corners", () => {
    expect(
      pathOf([
        [0, 0],
        [0, 40],
      ]),
    ).toBe("M0,0 L0,40");
    expect(
      pathOf([
        [0, 0],
        [40, 0],
        [40, 40],
      ]),
    ).toBe("M0,0 L26,0 Q40,0 40,14 L40,40");
  });
});
