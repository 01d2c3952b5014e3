import type { ChipMutant, Mutant } from "../mutants.ts";

const one = (op: string, kernel: string, what: string, from: string | RegExp, to: string): Mutant => ({
  op,
  kernel: `${op}/${kernel}`,
  what,
  from,
  to,
});

/** Wrong kernels of normalisation over channels. */
export const normMutants: readonly Mutant[] = [
  one(
    "batchNorm",
    "alone",
    "variance by N - 1",
    "distances / count + params.extra",
    "distances / (count - 1.0) + params.extra",
  ),
  one("batchNorm", "alone", "the mean is that of one sum, which rounds", /mu = mu \+ [^;]+;/, ""),
  one("batchNorm", "alone", "the next channel's gamma", "gamma[row]", "gamma[(row + 1u) % params.rows]"),
  one("batchNorm", "alone", "statistics of an image by itself", "e < params.count", "e < params.places"),
  one("batchNorm", "alone", "stretches end one late", /place >= params\.places/g, "place > params.places"),
  one("batchNorm", "alone", "the biased variance is kept", "(params.count - 1.0)", "params.count"),
  one(
    "batchNorm",
    "alone",
    "momentum the wrong way round",
    /fma\(factor, ([^,]+), \(1.0 - factor\)/g,
    "fma(1.0 - factor, $1, factor",
  ),
  one("batchNorm", "alone", "the first batch counts twice", "1.0 / (batches + 1.0)", "1.0 / max(batches, 1.0)"),
  one("batchNorm", "alone", "batches are not counted", "batches + 1.0; }", "batches; }"),
  one("batchNormGradient", "alone", "the mean of dy is forgotten", "- meanDy - xhat", "- xhat"),
  one("batchNormGradient", "alone", "the mean of dy is that of one sum", /meanDy = meanDy \+ [^;]+;/, ""),
  one("batchNormGradient", "alone", "gamma is forgotten", "gamma[row] * r", "r"),
  one("batchNormGradient", "alone", "dbeta is a mean", "meanDy * count; }", "meanDy; }"),
];

/** Wrong bodies on the chip. */
export const normChipMutants: readonly ChipMutant[] = [
  ["batchNorm", "variance by N - 1", "/ count + ", "/ (count - 1.0) + "],
  ["batchNorm", "the biased variance is kept", "(count - 1.0)", "count"],
  ["batchNorm", "batches are not counted", "batches + select(0.0, 1.0,", "batches + select(0.0, 0.0,"],
  ["batchNormGradient", "the mean of dy is that of one sum", /meanDy = meanDy \+ [^;]+;/, ""],
  ["batchNormGradient", "dbeta is a mean", "= meanDy * count;", "= meanDy;"],
];
