import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { readCsv } from "../../../src/data/csv.ts";
import {
  parsePreprocessing,
  prepareCsv,
  prepareRows,
  preprocessingOf,
  preprocessingText,
} from "../../../src/data/preprocessing.ts";
import { splitThreeWays } from "../../../src/data/split.ts";
import { standardise } from "../../../src/data/standardise.ts";

const line = (i: number): string =>
  `${i % 3 === 0 ? "oak" : "pine"},${i * 1.5},${(i * 7) % 11},${i < 20 ? "low" : "high"}`;
const text = `tree,height,age,y\n${Array.from({ length: 40 }, (_, i) => line(i)).join("\n")}\n`;
const split = standardise(splitThreeWays(readCsv("f", text), { validation: 0.2, test: 0.2, seed: 3 }));
const learned = preprocessingOf(split.train);

describe("a record of preprocessing", () => {
  it("holds columns, categories, classes, and the scaling of the training rows alone", () => {
    expect(learned).toMatchObject({ inputs: 4, classes: ["high", "low"], targets: ["y"], pixelScale: null });
    expect(learned.columns![0]).toEqual({ name: "tree", categories: ["oak", "pine"] });
    expect(learned.scaling!.mean.slice(0, 2)).toEqual([0, 0]);
    expect(learned.scaling!.deviation.slice(0, 2)).toEqual([1, 1]);
    const raw = splitThreeWays(readCsv("f", text), { validation: 0.2, test: 0.2, seed: 3 }).train;
    const heights = [...raw.x.data].filter((_, i) => i % 4 === 2);
    expect(learned.scaling!.mean[2]).toBeCloseTo(heights.reduce((a, b) => a + b, 0) / heights.length, 9);
  });

  it("survives being written and read", () => {
    expect(parsePreprocessing("f", JSON.parse(preprocessingText(learned)))).toEqual(learned);
  });

  it("makes of new rows what it made of the old: columns by name, in any order, others ignored", () => {
    const { x, lines } = prepareCsv("new", `age,note,tree,height\n${"7"},x,pine,1.5\n`, learned, "refuse");
    expect(lines).toEqual([2]);
    const [mean, deviation] = [learned.scaling!.mean, learned.scaling!.deviation];
    const expected = [0, 1, (1.5 - mean[2]!) / deviation[2]!, (7 - mean[3]!) / deviation[3]!];
    expect([...x.data]).toEqual(expected.map(Math.fround));
  });

  it("keeps values f64 until they are scaled: days, seconds and metres that are one number in f32 stay apart", () => {
    // numpy: (x - x.mean()) / x.std() in f64, then f32.
    const z = [-1.5275252, -1.0910895, -0.6546537, -0.2182179, 0.2182179, 0.6546537, 1.0910895, 1.5275252];
    for (const [first, step] of [
      [20240101, 1],
      [1_700_000_000, 10],
      [1_700_000_000_000, 1000],
      [5_412_345.25, 0.125],
    ]) {
      const at = (i: number): number => first! + i * step!;
      const rows = Array.from({ length: 8 }, (_, i) => `${at(i)},5,${i % 2 ? "even" : "odd"}`);
      const { train } = standardise({ train: readCsv("f", `day,temp,y\n${rows.join("\n")}\n`), test: null });
      expect(train.scaling!.deviation[0]! / step!).toBeCloseTo(Math.sqrt(5.25), 6);
      expect(train.x.dtype).toBe("f32");
      z.forEach((value, i) => {
        expect(train.x.data[2 * i]).toBeCloseTo(value, 6);
      });
      const again = preprocessingText(preprocessingOf(train));
      const known = parsePreprocessing("f", JSON.parse(again));
      const next = prepareCsv("n", `day,temp\n${at(8)},5\n${at(9)},5\n`, known, "refuse").x.data;
      expect([next[0], next[2]]).toEqual([4.5, 5.5].map((d) => Math.fround(d / Math.sqrt(5.25))));
      const doubles = ndarray([2, 2], "f64", [at(0), 5, at(1), 5]);
      expect(prepareRows("n", doubles, known).data[2]).toBeCloseTo(z[1]!, 6);
    }
  });

  it("refuses a column that is not there, an unknown category and a missing value, and drops when asked", () => {
    const at = (rows: string, missing: "refuse" | "drop" = "refuse") => prepareCsv("n.csv", rows, learned, missing);
    expect(() => at("tree,height\noak,1\n")).toThrow('n.csv: no column "age", which the net learned from');
    const fir = "tree,height,age\nfir,1,2\n";
    expect(() => at(fir)).toThrow('n.csv, line 2, column "tree": "fir" is not among "oak", "pine"');
    const gap = "tree,height,age\noak,,2\noak,1,2\n";
    expect(() => at(gap)).toThrow('n.csv, line 2, column "height": a value is missing');
    expect(at(gap, "drop").lines).toEqual([3]);
    expect(() => prepareRows("x", ndarray([1, 3], "f32", [1, 2, 3]), learned)).toThrow("the net takes 4");
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["another format", { format: "x" }, '"format" is "x"'],
    ["a later version", { version: 2 }, "version 2; this Chainrule reads version 1"],
    ["inputs that do not fit its columns", { inputs: 5 }, "its columns make 4 inputs, not 5"],
    ["no inputs", { inputs: 0 }, '"inputs" must be a whole number from 1'],
    ["a deviation of 0", { scaling: { mean: [0, 0, 0, 0], deviation: [1, 1, 1, 0] } }, '"scaling" must hold 4 means'],
    ["classes that are no names", { classes: [1] }, '"classes" must be a list of different names'],
    ["a class twice", { classes: ["a", "a"] }, '"classes" must be a list of different names'],
    ["columns that are none", { columns: [{ name: 1 }] }, '"columns" must be a list of columns'],
    ["a field that it does not have", { more: 1 }, 'unknown field "more"'],
  ])("is refused with %s", (_, change, message) => {
    const record = { ...JSON.parse(preprocessingText(learned)), ...change };
    expect(() => parsePreprocessing("f", record)).toThrow(message);
  });
});
