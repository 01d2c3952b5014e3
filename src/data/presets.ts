import { ChainruleError } from "../core/errors.ts";
import type { readCsv } from "./csv.ts";
import { type DataSplit, type Dataset, rowCount } from "./dataset.ts";
import { gunzipIfNeeded } from "./gunzip.ts";
import type { pairIdx } from "./idx.ts";
import { chooseRows, splitBySeed, takeRows } from "./split.ts";
import { standardise } from "./standardise.ts";
import { circlesData, moonsData, type SyntheticOptions, spiralsData, tutorialData, xorData } from "./synthetic.ts";

/** Gives the bytes of a file of `public/data` by its name: fetch in a page, fs in Node. */
export type ReadFile = (file: string) => Promise<Uint8Array>;

/** Which rows of a data set are wanted. */
export interface DataPresetOptions {
  /** Decides the rows of the drawn sets. The sets that are read, and their test rows, do not depend on it. */
  readonly seed: number;
  /** Number of training rows: rows to draw, or how many of the rows read to train on, an equal share of each class. */
  readonly n?: number;
}

/** One of Chainrule's own data sets. */
export interface DataPreset {
  /** What it is, in a few words. */
  readonly description: string;
  /** Files that `load` reads, all in `public/data`. */
  readonly files: readonly string[];
  /** Throws ChainruleError "data" for a malformed file, "value" for an n that the set cannot give. */
  load(read: ReadFile, options: DataPresetOptions): Promise<DataSplit>;
}

export type DataPresetName =
  | "tutorial"
  | "xor"
  | "circles"
  | "moons"
  | "spirals"
  | "iris"
  | "penguins"
  | "digits"
  | "fashion";

/** Share of each class held out, and the seed of the choice: fixed, so that all runs are judged on the same rows. */
const TEST_FRACTION = 0.2;
const SPLIT_SEED = 0;

const FASHION_CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",");
const DIGITS_SOURCE = "UCI handwritten digits, E. Alpaydin and C. Kaynak 1998, CC BY 4.0";
const FASHION_SOURCE = "Fashion-MNIST (subset), Zalando SE 2017, MIT";
const IRIS_SOURCE = "Iris, E. Anderson and R. A. Fisher 1936, UCI, CC BY 4.0";
const PENGUINS_SOURCE = "Palmer penguins, K. Gorman et al. 2014, CC0 1.0";

/** Chainrule's own data sets, by name. */
export const dataPresets: Readonly<Record<DataPresetName, DataPreset>> = {
  tutorial: {
    description: "one row, 4 inputs and 4 targets: the tutorial's vector",
    files: [],
    async load(_read, { n }) {
      return { train: limitRows(tutorialData(), n), test: null };
    },
  },
  xor: {
    description: "exclusive or: its 4 rows, or n noisy ones",
    files: [],
    async load(_read, { seed, n = 4 }) {
      return n === 4 ? { train: xorData({ seed, n }), test: null } : drawn(xorData, seed, n);
    },
  },
  circles: drawnPreset("two circles, one inside the other: 2 classes of points", circlesData),
  moons: drawnPreset("two interleaved half circles: 2 classes of points", moonsData),
  spirals: drawnPreset("three spiral arms: 3 classes of points", spiralsData),
  iris: {
    description: "150 irises: 4 lengths, 3 species",
    files: ["iris.csv"],
    async load(read, { n }) {
      const all = await readTableFile("iris", await read("iris.csv"), { source: IRIS_SOURCE });
      return standardise(takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n));
    },
  },
  penguins: {
    description: "342 penguins: 4 measurements, 3 species (2 of 344 rows lack the measurements)",
    files: ["penguins.csv"],
    async load(read, { n }) {
      const options = { missing: "drop", source: PENGUINS_SOURCE } as const;
      const all = await readTableFile("penguins", await read("penguins.csv"), options);
      return standardise(takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n));
    },
  },
  digits: {
    description: "1,797 handwritten digits, 8 x 8 pixels",
    files: ["digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz"],
    async load(read, { n }) {
      const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
      const options = { name: "digits", scale: 16, classes, source: DIGITS_SOURCE };
      const all = await readIdxPair(read, "digits", options);
      return takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n);
    },
  },
  fashion: {
    description: "5,000 pieces of clothing, 28 x 28 pixels: the first 400 and 100 of each class of Fashion-MNIST",
    files: ["fashion-train", "fashion-test"].flatMap((p) => [`${p}-images-idx3-ubyte.gz`, `${p}-labels-idx1-ubyte.gz`]),
    async load(read, { n }) {
      const options = { name: "fashion", scale: 255, classes: FASHION_CLASSES, source: FASHION_SOURCE };
      const [train, test] = await Promise.all([
        readIdxPair(read, "fashion-train", options),
        readIdxPair(read, "fashion-test", options),
      ]);
      return takeTraining({ train, test }, n);
    },
  },
};

/** The preset of that name. Throws ChainruleError "usage" listing the names there are. */
export function dataPreset(name: string): DataPreset {
  if (Object.hasOwn(dataPresets, name)) return dataPresets[name as DataPresetName];
  throw new ChainruleError("usage", `no data set "${name}"; there are ${Object.keys(dataPresets).join(", ")}`);
}

/** Training and test rows as two separate draws of n rows from one seed. */
function drawn(make: (options: SyntheticOptions) => Dataset, seed: number, n: number): DataSplit {
  return { train: make({ seed, n, draw: 0 }), test: make({ seed, n, draw: 1 }) };
}

/** 600 rows divide evenly by 2 and by 3 classes. */
function drawnPreset(description: string, make: (options: SyntheticOptions) => Dataset): DataPreset {
  return { description, files: [], load: async (_read, { seed, n = 600 }) => drawn(make, seed, n) };
}

/** Readers of tables and of images are fetched by those who have any: most pages open without. */
async function readTableFile(...given: Parameters<typeof readCsv>): Promise<Dataset> {
  return (await import("./csv.ts")).readCsv(...given);
}

async function readIdxPair(read: ReadFile, prefix: string, options: Parameters<typeof pairIdx>[2]): Promise<Dataset> {
  const names = [`${prefix}-images-idx3-ubyte.gz`, `${prefix}-labels-idx1-ubyte.gz`];
  const [images, labels] = await Promise.all(names.map(async (file) => gunzipIfNeeded(file, await read(file))));
  return (await import("./idx.ts")).pairIdx(images!, labels!, options);
}

function takeTraining(split: DataSplit, n: number | undefined): DataSplit {
  return { train: limitRows(split.train, n), test: split.test };
}

/** n of the rows, an equal share of each class, the same ones every time. All of them without n. */
function limitRows(train: Dataset, n: number | undefined): Dataset {
  if (n === undefined) return train;
  const rows = rowCount(train);
  if (!Number.isInteger(n) || n < 1 || n > rows) {
    throw new ChainruleError("value", `"${train.name}" has ${rows} training rows: n is from 1 to ${rows}, got ${n}`);
  }
  return takeRows(train, chooseRows(train, n, SPLIT_SEED));
}
