import { ChainruleError } from "../core/errors.ts";
import type { DataSplit, Dataset } from "./dataset.ts";
import type { DataPresetOptions, ReadFile } from "./preset-options.ts";
import { circlesData, moonsData, type SyntheticOptions, spiralsData, tutorialData, xorData } from "./synthetic.ts";

export type { DataPresetOptions, ReadFile };

/** Readers of tables and images are fetched by those who have any: most pages open without. */
const fromFiles = () => import("./file-presets.ts");

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

/** Chainrule's own data sets, by name. */
export const dataPresets: Readonly<Record<DataPresetName, DataPreset>> = {
  tutorial: {
    description: "one row, 4 inputs and 4 targets: the tutorial's vector",
    files: [],
    async load(_read, { n }) {
      const train = tutorialData();
      return { train: n === undefined ? train : (await fromFiles()).limitRows(train, n), test: null };
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
    load: async (...given) => (await fromFiles()).iris(...given),
  },
  penguins: {
    description: "342 penguins: 4 measurements, 3 species (2 of 344 rows lack the measurements)",
    files: ["penguins.csv"],
    load: async (...given) => (await fromFiles()).penguins(...given),
  },
  digits: {
    description: "1,797 handwritten digits, 8 x 8 pixels",
    files: ["digits-images-idx3-ubyte.gz", "digits-labels-idx1-ubyte.gz"],
    load: async (...given) => (await fromFiles()).digits(...given),
  },
  fashion: {
    description: "5,000 pieces of clothing, 28 x 28 pixels: the first 400 and 100 of each class of Fashion-MNIST",
    files: ["fashion-train", "fashion-test"].flatMap((p) => [`${p}-images-idx3-ubyte.gz`, `${p}-labels-idx1-ubyte.gz`]),
    load: async (...given) => (await fromFiles()).fashion(...given),
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
