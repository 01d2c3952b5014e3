import { describe, expect, it } from "vitest";
import { type Dataset, validateDataset } from "../../../src/data/dataset.ts";
import { circlesData, moonsData, spiralsData, tutorialData, xorData } from "../../../src/data/synthetic.ts";

const radius = (data: Dataset, row: number) => Math.hypot(data.x.data[2 * row]!, data.x.data[2 * row + 1]!);
const makers = { xorData, circlesData, moonsData, spiralsData };

describe("tutorialData", () => {
  it("has a target of squared norm 0.84, the loss that the tutorial's code ends at", () => {
    const { x, y } = validateDataset(tutorialData());
    expect([x.shape, y.shape]).toEqual([
      [1, 4],
      [1, 4],
    ]);
    expect([...y.data].reduce((sum, t) => sum + t * t, 0)).toBeCloseTo(0.84, 7);
  });
});

describe("xorData", () => {
  it("is the truth table at four rows", () => {
    const { x, y } = xorData({ seed: 1, n: 4 });
    expect([...x.data]).toEqual([0, 0, 0, 1, 1, 1, 1, 0]);
    expect([...y.data]).toEqual([0, 1, 0, 1]);
  });

  it("scatters more rows around the corners", () => {
    const { x, y } = xorData({ seed: 1, n: 400, noise: 0.1 });
    y.data.forEach((label, i) => {
      expect((x.data[2 * i]! > 0.5 ? 1 : 0) ^ (x.data[2 * i + 1]! > 0.5 ? 1 : 0)).toBe(label);
    });
  });
});

describe.each(Object.entries(makers))("%s", (_, make) => {
  it("is sound, balanced, and the same for the same seed and draw", () => {
    const data = validateDataset(make({ seed: 3, n: 600 }));
    expect([data.x.shape, data.y.shape]).toEqual([[600, 2], [600]]);
    const classes = data.classes!.length;
    for (let c = 0; c < classes; c++) expect(data.y.data.filter((label) => label === c).length).toBe(600 / classes);
    expect(make({ seed: 3, n: 600 })).toEqual(data);
    expect(make({ seed: 4, n: 600 }).x).not.toEqual(data.x);
    expect(make({ seed: 3, n: 600, draw: 1 }).x).not.toEqual(data.x);
  });

  it("refuses counts and noise out of range", () => {
    for (const n of [0, 1, 2.5, -4, Number.NaN, 1e9]) expect(() => make({ seed: 0, n })).toThrow(`got ${n}`);
    expect(() => make({ seed: 0, n: 10, noise: Number.NaN })).toThrow("noise must be from 0 to 10, got NaN");
  });
});

describe("shapes without noise", () => {
  it("puts circles at radius 1 and 0.5", () => {
    const data = circlesData({ seed: 5, n: 50, noise: 0 });
    data.y.data.forEach((label, i) => {
      expect(radius(data, i)).toBeCloseTo(label === 0 ? 1 : 0.5, 6);
    });
  });

  it("puts moons on half circles", () => {
    const { x, y } = moonsData({ seed: 5, n: 50, noise: 0 });
    y.data.forEach((label, i) => {
      const [a, b] = [x.data[2 * i]!, x.data[2 * i + 1]!];
      expect(label === 0 ? Math.hypot(a, b) : Math.hypot(a - 1, b - 0.5)).toBeCloseTo(1, 6);
      expect(label === 0 ? b >= 0 : b <= 0.5).toBe(true);
    });
  });

  it("winds two or three arms", () => {
    expect(spiralsData({ seed: 5, n: 60 }).classes).toHaveLength(3);
    const data = spiralsData({ seed: 5, n: 60, noise: 0, classes: 2 });
    data.y.data.forEach((label, i) => {
      const angle = Math.atan2(data.x.data[2 * i + 1]!, data.x.data[2 * i]!) / (2 * Math.PI);
      const turns = angle - 1.25 * radius(data, i) - label / 2;
      expect(turns - Math.round(turns)).toBeCloseTo(0, 5);
    });
    expect(() => spiralsData({ seed: 0, n: 60, classes: 4 as 3 })).toThrow("2 or 3 classes, got 4");
  });
});
