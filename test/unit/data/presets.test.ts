import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type DataSplit, type Dataset, rowCount, validateDataset } from "../../../src/data/dataset.ts";
import { type DataPresetName, dataPreset, dataPresets } from "../../../src/data/presets.ts";

const folder = new URL("../../../public/data/", import.meta.url);
const read = async (file: string): Promise<Uint8Array> => readFile(new URL(file, folder));
const load = (name: DataPresetName, seed = 1, n?: number) =>
  dataPresets[name].load(read, n === undefined ? { seed } : { seed, n });

/** Hashes of x and y of both parts: comparing millions of numbers one by one takes seconds. */
function digest({ train, test }: DataSplit): string[] {
  const parts = [train, ...(test ? [test] : [])].flatMap(({ x, y }) => [x, y]);
  return parts.map(({ data }) => createHash("sha256").update(data).digest("hex"));
}

function classCounts(data: Dataset): number[] {
  const counts = new Array<number>(data.classes!.length).fill(0);
  for (const label of data.y.data) counts[label]!++;
  return counts;
}

/** Rows to train, rows to test, inputs, of each class in both parts. */
const expected: Record<Exclude<DataPresetName, "tutorial" | "xor">, [number, number, number, number[], number[]]> = {
  circles: [600, 600, 2, [300, 300], [300, 300]],
  moons: [600, 600, 2, [300, 300], [300, 300]],
  spirals: [600, 600, 2, [200, 200, 200], [200, 200, 200]],
  iris: [120, 30, 4, [40, 40, 40], [10, 10, 10]],
  penguins: [274, 68, 4, [121, 55, 98], [30, 13, 25]],
  digits: [1438, 359, 64, [143, 146, 141, 147, 145, 145, 145, 143, 139, 144], [35, 36, 36, 36, 36, 37, 36, 36, 35, 36]],
  fashion: [4000, 1000, 784, new Array(10).fill(400), new Array(10).fill(100)],
};

describe.each(Object.entries(expected))("%s", (name, [trainRows, testRows, inputs, trainClasses, testClasses]) => {
  it("has the stated rows, columns and classes, all sound", async () => {
    const { train, test } = await load(name as DataPresetName);
    validateDataset(train);
    validateDataset(test!);
    expect([rowCount(train), rowCount(test!), train.x.shape[1]]).toEqual([trainRows, testRows, inputs]);
    expect([classCounts(train), classCounts(test!)]).toEqual([trainClasses, testClasses]);
    expect(train.source).toBeTruthy();
  });

  it("is the same for the same seed", async () => {
    expect(digest(await load(name as DataPresetName, 5))).toEqual(digest(await load(name as DataPresetName, 5)));
  });
});

describe("real data", () => {
  it.each(["iris", "penguins", "digits", "fashion"] as const)("%s does not depend on the run's seed", async (name) => {
    expect(digest(await load(name, 1))).toEqual(digest(await load(name, 2)));
  });

  it.each(["digits", "fashion"] as const)("%s has pixels from 0 to 1", async (name) => {
    const { train, test } = await load(name);
    for (const { x } of [train, test!]) {
      expect(x.data.every((v) => v >= 0 && v <= 1)).toBe(true);
      expect(x.data.includes(1)).toBe(true);
    }
  });

  it.each(["iris", "penguins"] as const)("%s is standardised on its training rows", async (name) => {
    const { train, test } = await load(name);
    for (let column = 0; column < 4; column++) {
      const values = [...train.x.data].filter((_, i) => i % 4 === column);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      expect(mean).toBeCloseTo(0, 6);
      expect(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length).toBeCloseTo(1, 6);
    }
    expect(test!.scaling).toEqual(train.scaling);
  });

  it("has the columns and units of the sources", async () => {
    const iris = (await load("iris")).train;
    expect(iris.classes).toEqual(["setosa", "versicolor", "virginica"]);
    // Fisher's means over all 150 flowers are 5.84, 3.06, 3.76 and 1.20 cm.
    [5.84, 3.06, 3.76, 1.2].forEach((mean, j) => {
      expect(Math.abs(iris.scaling!.mean[j]! - mean)).toBeLessThan(0.1);
    });
    const penguins = (await load("penguins")).train;
    expect(penguins.classes).toEqual(["Adelie", "Chinstrap", "Gentoo"]);
    expect(penguins.features).toEqual(["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]);
    expect(penguins.preparation).toBe("2 of 344 rows dropped for missing values; standardised on the training rows");
  });

  it("shows a 0 in the first digit: light in the middle, ink around it", async () => {
    const { train, test } = await load("digits");
    const zero = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0].map((v) => v / 16);
    const first = [train, test!].some(({ x, y }) => y.data[0] === 0 && zero.every((v, i) => x.data[i] === v));
    expect(first).toBe(true);
    expect(train.image).toEqual({ height: 8, width: 8 });
  });

  it("trains on n rows of equal share, and tests on all", async () => {
    const { train, test } = await load("fashion", 1, 100);
    expect(classCounts(train)).toEqual(new Array(10).fill(10));
    expect(rowCount(test!)).toBe(1000);
    await expect(load("iris", 1, 121)).rejects.toThrow('"iris" has 120 training rows: n is from 1 to 120, got 121');
    await expect(load("tutorial", 1, 2)).rejects.toThrow('"tutorial" has 1 training rows');
  });

  it("ships the licence of every file", async () => {
    const licences = await readFile(new URL("LICENSES.md", folder), "utf8");
    for (const { files } of Object.values(dataPresets)) {
      for (const file of files) {
        const named = file.replace(/-(images|labels)-idx\d-ubyte\.gz$/, "-");
        expect(licences).toContain(named);
      }
    }
    for (const text of ["CC-BY-4.0.txt", "CC0-1.0.txt"]) await readFile(new URL(`licenses/${text}`, folder));
  });
});

describe("drawn data", () => {
  it("gives xor as its truth table, or as separate noisy draws", async () => {
    expect(await load("xor")).toMatchObject({ train: { x: { shape: [4, 2] } }, test: null });
    const { train, test } = await load("xor", 1, 40);
    expect([train.x.shape, test!.x.shape]).toEqual([
      [40, 2],
      [40, 2],
    ]);
    expect(test!.x).not.toEqual(train.x);
  });

  it("takes n and the seed", async () => {
    expect(rowCount((await load("moons", 1, 50)).train)).toBe(50);
    expect((await load("moons", 1)).train.x).not.toEqual((await load("moons", 2)).train.x);
  });
});

describe("dataPreset", () => {
  it("finds by name, and lists the names otherwise", () => {
    expect(dataPreset("iris")).toBe(dataPresets.iris);
    expect(() => dataPreset("toString")).toThrow(
      'no data set "toString"; there are tutorial, xor, circles, moons, spirals, iris, penguins, digits, fashion',
    );
  });

  it("refuses a page served in place of a file", async () => {
    const page = async () => new TextEncoder().encode("<!doctype html>\n<title>Not found</title>");
    await expect(dataPresets.digits.load(page, { seed: 0 })).rejects.toThrow("not an IDX file");
    await expect(dataPresets.iris.load(page, { seed: 0 })).rejects.toThrow("iris: no table of text, but a web page");
  });
});
