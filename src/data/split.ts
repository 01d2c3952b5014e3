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
  const { kept, held } = holdOut(dataset, count, { seed });
  return { train: kept, test: held };
}

/** How a data set is divided in three. */
export interface ThreeWay {
  /** Share of the rows, from 0 and below 1, that choices during training are judged on. */
  readonly validation: number;
  /** Share of the rows that is held out to the end; what both leave is for training. */
  readonly test: number;
  /** Decides which rows go where, 0 to 2^32 - 1: the same seed, the same rows. */
  readonly seed: number;
  /** Whether every class gives its share of each part, where there are classes; true unless told otherwise. */
  readonly stratify?: boolean;
}

/**
 * Training, validation and test rows. The test rows are chosen first and do not depend on the share of the validation, so
 * runs with and without one are judged on the same rows. A share above 0 gives at least a row; one of 0 gives null.
 * Throws ChainruleError "value" for shares that leave nothing, "data" for too few rows.
 */
export function splitThreeWays(dataset: Dataset, { validation, test, seed, stratify = true }: ThreeWay): DataSplit {
  if (!(validation >= 0 && test >= 0 && validation + test < 1)) {
    const got = `got ${validation} and ${test}`;
    throw new ChainruleError("value", `validation and test are shares of at least 0 that leave rows to train, ${got}`);
  }
  const n = rowCount(dataset);
  const count = (share: number): number => (share === 0 ? 0 : Math.max(1, Math.round(n * share)));
  const [validationRows, testRows] = [count(validation), count(test)];
  if (validationRows + testRows >= n) {
    const wanted = `${validationRows} to validate, ${testRows} to test, and none is left to train`;
    throw new ChainruleError("data", `data set "${dataset.name}" has ${n} rows: ${wanted}`);
  }
  const { kept, held } = holdOut(dataset, testRows, { seed, stratify });
  const rest = holdOut(kept, validationRows, { seed, stratify, draw: 1 });
  return { train: rest.kept, validation: validationRows > 0 ? rest.held : null, test: testRows > 0 ? held : null };
}

interface Choosing {
  readonly seed: number;
  readonly stratify?: boolean;
  /** Choices from one seed, each independent of the others. */
  readonly draw?: number;
}

function holdOut(dataset: Dataset, count: number, choosing: Choosing): { kept: Dataset; held: Dataset } {
  if (count === 0) return { kept: dataset, held: dataset };
  const held = chooseRows(dataset, count, choosing.seed, choosing);
  const isHeld = new Uint8Array(rowCount(dataset));
  for (const row of held) isHeld[row] = 1;
  const kept = Array.from(isHeld, (_, row) => row).filter((row) => isHeld[row] === 0);
  return { kept: takeRows(dataset, kept), held: takeRows(dataset, held) };
}

/**
 * `count` of the rows, in ascending order, chosen by `seed`: the rows are lined up by class, within a class in permuted
 * order, and every (n / count)-th is taken. So each class gives count * (its share) rows, to within one.
 */
export function chooseRows(
  dataset: Dataset,
  count: number,
  seed: number,
  { stratify = true, draw = 0 }: { readonly stratify?: boolean; readonly draw?: number } = {},
): number[] {
  const n = rowCount(dataset);
  const keys = epochKeys(randomWord(seed, STREAM.split, draw, 0), 0);
  const half = halfBits(n);
  const line = Array.from({ length: n }, (_, position) => permuteWith(keys, position, n, half));
  const labels = dataset.y.data;
  // The sort is stable, so the permuted order stays within each class.
  if (stratify && isClassification(dataset)) line.sort((a, b) => labels[a]! - labels[b]!);
  const taken = line.filter((_, k) => Math.floor(((k + 1) * count) / n) > Math.floor((k * count) / n));
  return taken.sort((a, b) => a - b);
}

/** The named rows of x, y and lengths, copied in the order given. */
export function takeRows(dataset: Dataset, rows: readonly number[]): Dataset {
  const { x, y, lengths } = dataset;
  return { ...dataset, x: gather(x, rows), y: gather(y, rows), ...(lengths && { lengths: gather(lengths, rows) }) };
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
