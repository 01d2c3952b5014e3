import { ChainruleError } from "../core/errors.ts";
import { type NdArray, zeros } from "../core/ndarray.ts";
import type { DataSplit, Dataset, Scaling } from "./dataset.ts";

/** Which of `count` numbers a value stands under: its column's, or that of its channel, which is so many columns in a row. */
const numberOf = (inputs: number, count: number): ((i: number) => number) => {
  const size = inputs / count;
  return size === 1 ? (i) => i % inputs : (i) => Math.floor((i % inputs) / size);
};

/** Numbers whose squares lose digits, and the unit in which they do not. */
const SMALL = 2 ** -450;
const LARGE = 2 ** 600;

/**
 * Mean and population standard deviation of each column of x [n, inputs], or of each of so many channels, in f64 (two
 * passes, and sums of differences from the first value, so that a large mean costs no digits). A constant column has
 * deviation 1: standardised, it is 0.
 */
export function fitScaling(x: NdArray, channels?: number): Scaling {
  const [n, inputs] = x.shape as [number, number];
  const count = channels ?? inputs;
  const of = numberOf(inputs, count);
  const values = (n * inputs) / count;
  const first = Array.from({ length: count }, (_, j) => x.data[(j * inputs) / count]!);
  const mean = new Array<number>(count).fill(0);
  const variance = new Array<number>(count).fill(0);
  x.data.forEach((value, i) => {
    mean[of(i)]! += (value - first[of(i)]!) / values;
  });
  mean.forEach((difference, j) => {
    mean[j] = first[j]! + difference;
  });
  // Squares of numbers far below 1 are 0 in f64: they are taken in a larger unit, a power of two, which no digit minds.
  const far = new Array<number>(count).fill(0);
  x.data.forEach((value, i) => {
    far[of(i)] = Math.max(far[of(i)]!, Math.abs(value - mean[of(i)]!));
  });
  const unit = far.map((d) => (d > 0 && d < SMALL ? LARGE : 1));
  x.data.forEach((value, i) => {
    variance[of(i)]! += ((value - mean[of(i)]!) * unit[of(i)]!) ** 2 / values;
  });
  // Rounding leaves a constant column a variance of about (mean * 2^-52)^2, not 0.
  const deviation = variance.map((v, j) => (v > (mean[j]! * unit[j]! * 1e-12) ** 2 ? Math.sqrt(v) / unit[j]! : 1));
  return { mean, deviation };
}

/** (x - mean) / deviation, computed in f64 and rounded once to f32. */
export function applyScaling(x: NdArray, { mean, deviation }: Scaling): NdArray {
  const of = numberOf(x.shape[1]!, mean.length);
  const out = zeros(x.shape, "f32");
  for (let i = 0; i < out.data.length; i++) out.data[i] = (x.data[i]! - mean[of(i)]!) / deviation[of(i)]!;
  return out;
}

/**
 * Standardises images of all parts by mean and deviation of each channel over the pixels of the training rows alone: see
 * standardise. Throws ChainruleError "data" for rows that are none.
 */
export function standardiseChannels(split: DataSplit): DataSplit {
  const { name, shape, image } = split.train;
  const channels = shape && shape.length > 1 ? shape[0]! : image ? 1 : null;
  if (channels === null) {
    throw new ChainruleError("data", `${name}: rows have no channels, [channels, height, width]: standardise columns`);
  }
  return scaled(split, fitScaling(split.train.x, channels), "each channel standardised");
}

/**
 * Standardises x [n, inputs] of all parts with the mean and deviation of the training part alone, and records them in
 * `scaling`: value = (raw - mean) / deviation. Columns of categories stay 0 and 1. The parts given are not changed.
 */
export function standardise(split: DataSplit): DataSplit {
  const { train } = split;
  const fitted = fitScaling(train.x);
  const category = (train.columns ?? []).flatMap(({ categories }) => categories?.map(() => true) ?? [false]);
  const scaling = {
    mean: fitted.mean.map((mean, j) => (category[j] ? 0 : mean)),
    deviation: fitted.deviation.map((deviation, j) => (category[j] ? 1 : deviation)),
  };
  return scaled(split, scaling, "standardised");
}

function scaled({ train, validation, test }: DataSplit, scaling: Scaling, what: string): DataSplit {
  const scale = (part: Dataset): Dataset => ({
    ...part,
    x: applyScaling(part.x, scaling),
    scaling,
    preparation: `${part.preparation ? `${part.preparation}; ` : ""}${what} on the training rows`,
  });
  return {
    train: scale(train),
    ...(validation === undefined ? {} : { validation: validation && scale(validation) }),
    test: test && scale(test),
  };
}
