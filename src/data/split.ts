import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import { epochKeys, halfBits, permuteWith } from "../core/permute.ts";
import { randomWord, STREAM } from "../core/philox.ts";
import { type DataSplit, type Dataset, isClassification, rowCount } from "./dataset.ts";

/**
 * Holds out round(testFraction * n) rows, at least one on either side. Where `y` holds classes, every class gives its
 * share to within one row. Both parts keep the order of the rows. The choice depends on (n, labels, testFraction, seed)
 * alone: core's permutation of [0, n), keyed by word 0 of the split stream of `seed`.
 * A fraction of 0 gives test = null. Throws ChainruleError "value" for a fraction outside [0, 1), "data" for one row.
 */
export function splitBySeed(dataset: Dataset, testFraction: number, seed: number): DataSplit {
  if (!(testFraction >= 0 && testFraction < 1)) {
    throw new ChainruleError("value", `the test fraction must be at least 0 and below 1, got ${testFraction}`);
  }
  if (testFraction === 0) return { train: dataset, test: null };
  const n = rowCount(dataset);
  if (n < 2) throw new ChainruleError("data", `data set "${dataset.name}" has ${n} row, none of which can be held out`);
  const count = Math.min(n - 1, Math.max(1, Math.round(n * testFraction)));
  const held = chooseRows(dataset, count, seed);
  const isHeld = new Uint8Array(n);
  for (const row of held) isHeld[row] = 1;
  const kept = Array.from({ length: n }, (_, row) => row).filter((row) => isHeld[row] === 0);
  return { train: takeRows(dataset, kept), test: takeRows(dataset, held) };
}

/**
 * `count` of the rows, in ascending order, chosen by `seed`: the rows are lined up by class, within a class in permuted
 * order, and every (n / count)-th is taken. So each class gives count * (its share) rows, to within one.
 */
export function chooseRows(dataset: Dataset, count: number, seed: number): number[] {
  const n = rowCount(dataset);
  const keys = epochKeys(randomWord(seed, STREAM.split, 0, 0), 0);
  const half = halfBits(n);
  const line = Array.from({ length: n }, (_, position) => permuteWith(keys, position, n, half));
  const labels = dataset.y.data;
  // The sort is stable, so the permuted order stays within each class.
  if (isClassification(dataset)) line.sort((a, b) => labels[a]! - labels[b]!);
  const taken = line.filter((_, k) => Math.floor(((k + 1) * count) / n) > Math.floor((k * count) / n));
  return taken.sort((a, b) => a - b);
}

/** The named rows of x and y, copied in the order given. */
export function takeRows(dataset: Dataset, rows: readonly number[]): Dataset {
  return { ...dataset, x: gather(dataset.x, rows), y: gather(dataset.y, rows) };
}

/** a [n, ...] -> [rows.length, ...] */
function gather(a: NdArray, rows: readonly number[]): NdArray {
  const width = a.data.length / a.shape[0]!;
  const out = zeros([rows.length, ...a.shape.slice(1)], a.dtype);
  rows.forEach((row, i) => {
    out.data.set(a.data.subarray(row * width, (row + 1) * width), i * width);
  });
  return out;
}
