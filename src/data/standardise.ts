import { type NdArray, zeros } from "../core/ndarray.ts";
import type { DataSplit, Dataset, Scaling } from "./dataset.ts";

/**
 * Mean and population standard deviation of each column of x [n, inputs], in f64 (two passes, and sums of differences
 * from the first row, so that a large mean costs no digits). A constant column has deviation 1: standardised, it is 0.
 */
export function fitScaling(x: NdArray): Scaling {
  const [n, inputs] = x.shape as [number, number];
  const mean = new Array<number>(inputs).fill(0);
  const variance = new Array<number>(inputs).fill(0);
  x.data.forEach((value, i) => {
    mean[i % inputs]! += (value - x.data[i % inputs]!) / n;
  });
  mean.forEach((difference, j) => {
    mean[j] = x.data[j]! + difference;
  });
  x.data.forEach((value, i) => {
    variance[i % inputs]! += (value - mean[i % inputs]!) ** 2 / n;
  });
  // Rounding leaves a constant column a variance of about (mean * 2^-52)^2, not 0.
  const deviation = variance.map((v, j) => (v > (mean[j]! * 1e-12) ** 2 ? Math.sqrt(v) : 1));
  return { mean, deviation };
}

/** (x - mean) / deviation, computed in f64 and rounded once to f32. */
export function applyScaling(x: NdArray, { mean, deviation }: Scaling): NdArray {
  const inputs = mean.length;
  const out = zeros(x.shape, "f32");
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = (x.data[i]! - mean[i % inputs]!) / deviation[i % inputs]!;
  }
  return out;
}

/**
 * Standardises x [n, inputs] of all parts with the mean and deviation of the training part alone, and records them in
 * `scaling`: value = (raw - mean) / deviation. Columns of categories stay 0 and 1. The parts given are not changed.
 */
export function standardise({ train, validation, test }: DataSplit): DataSplit {
  const fitted = fitScaling(train.x);
  const category = (train.columns ?? []).flatMap(({ categories }) => categories?.map(() => true) ?? [false]);
  const scaling = {
    mean: fitted.mean.map((mean, j) => (category[j] ? 0 : mean)),
    deviation: fitted.deviation.map((deviation, j) => (category[j] ? 1 : deviation)),
  };
  const scale = (part: Dataset): Dataset => ({
    ...part,
    x: applyScaling(part.x, scaling),
    scaling,
    preparation: `${part.preparation ? `${part.preparation}; ` : ""}standardised on the training rows`,
  });
  return {
    train: scale(train),
    ...(validation === undefined ? {} : { validation: validation && scale(validation) }),
    test: test && scale(test),
  };
}
