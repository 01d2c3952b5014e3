import { ChainruleError } from "../core/errors.ts";
import { readCsv } from "./csv.ts";
import { type DataSplit, type Dataset, rowCount } from "./dataset.ts";
import { gunzipIfNeeded } from "./gunzip.ts";
import { pairIdx } from "./idx.ts";
import type { DataPresetOptions, ReadFile } from "./preset-options.ts";
import { chooseRows, splitBySeed, takeRows } from "./split.ts";
import { standardise } from "./standardise.ts";

/** Share of each class held out, and the seed of the choice: fixed, so that all runs are judged on the same rows. */
const TEST_FRACTION = 0.2;
const SPLIT_SEED = 0;

const FASHION_CLASSES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",");
const DIGITS_SOURCE = "UCI handwritten digits, E. Alpaydin and C. Kaynak 1998, CC BY 4.0";
const FASHION_SOURCE = "Fashion-MNIST (subset), Zalando SE 2017, MIT";
const IRIS_SOURCE = "Iris, E. Anderson and R. A. Fisher 1936, UCI, CC BY 4.0";
const PENGUINS_SOURCE = "Palmer penguins, K. Gorman et al. 2014, CC0 1.0";

export async function iris(read: ReadFile, { n }: DataPresetOptions): Promise<DataSplit> {
  const all = await readCsv("iris", await read("iris.csv"), { source: IRIS_SOURCE });
  return standardise(takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n));
}

export async function penguins(read: ReadFile, { n }: DataPresetOptions): Promise<DataSplit> {
  const options = { missing: "drop", source: PENGUINS_SOURCE } as const;
  const all = await readCsv("penguins", await read("penguins.csv"), options);
  return standardise(takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n));
}

export async function digits(read: ReadFile, { n }: DataPresetOptions): Promise<DataSplit> {
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  const options = { name: "digits", scale: 16, classes, source: DIGITS_SOURCE };
  const all = await readIdxPair(read, "digits", options);
  return takeTraining(splitBySeed(all, TEST_FRACTION, SPLIT_SEED), n);
}

export async function fashion(read: ReadFile, { n }: DataPresetOptions): Promise<DataSplit> {
  const options = { name: "fashion", scale: 255, classes: FASHION_CLASSES, source: FASHION_SOURCE };
  const [train, test] = await Promise.all([
    readIdxPair(read, "fashion-train", options),
    readIdxPair(read, "fashion-test", options),
  ]);
  return takeTraining({ train, test }, n);
}

async function readIdxPair(read: ReadFile, prefix: string, options: Parameters<typeof pairIdx>[2]): Promise<Dataset> {
  const names = [`${prefix}-images-idx3-ubyte.gz`, `${prefix}-labels-idx1-ubyte.gz`];
  const [images, labels] = await Promise.all(names.map(async (file) => gunzipIfNeeded(file, await read(file))));
  return pairIdx(images!, labels!, options);
}

function takeTraining(split: DataSplit, n: number | undefined): DataSplit {
  return { train: limitRows(split.train, n), test: split.test };
}

/** n of the rows, an equal share of each class, the same ones every time. All of them without n. */
export function limitRows(train: Dataset, n: number | undefined): Dataset {
  if (n === undefined) return train;
  const rows = rowCount(train);
  if (!Number.isInteger(n) || n < 1 || n > rows) {
    throw new ChainruleError("value", `"${train.name}" has ${rows} training rows: n is from 1 to ${rows}, got ${n}`);
  }
  return takeRows(train, chooseRows(train, n, SPLIT_SEED));
}
