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
  one("batchNorm", "alone", "statistics of an image by itself", /e < params\.count/g, "e < params.places"),
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
  one("batchNorm", "sliced", "the last slice is not merged", /s < params\.slices/g, "s + 1u < params.slices"),
  one(
    "batchNorm",
    "sliced",
    "slices count alike",
    "fma(f32(min(params.width, params.count - s * params.width)) * d",
    "fma(f32(params.width) * d",
  ),
  one(
    "batchNorm",
    "sliced",
    "distances between slices are forgotten",
    /all \+= fma\([^;]*?, d, /,
    "all += fma(0.0, d, ",
  ),
  one(
    "batchNorm",
    "sliced",
    "a slice begins one late",
    "% params.slices * params.width",
    "% params.slices * params.width + 1u",
  ),
  one(
    "batchNorm",
    "sliced",
    "the channel of a plane is its image",
    "row % params.channels",
    "row / params.channels % params.channels",
  ),
  one("batchNorm", "sliced", "squares of the next channel", "squares[c] /", "squares[(c + 1u) % params.size] /"),
  one("batchNorm", "sliced", "means are those of one sum", /mu = mu \+ [^;]+;/, ""),
  one("batchNormGradient", "sliced", "the sum of dy for its mean", "means[c] = mu;", "means[c] = mu * count;"),
  one(
    "batchNormGradient",
    "sliced",
    "dgamma is that of the first slice",
    "sum += parts[2u * (first + s) + 1u]",
    "sum = parts[2u * first + 1u]",
  ),
  one("batchNormGradient", "sliced", "dgamma is not divided", "dgamma[channel] / params.extra", "dgamma[channel]"),
  one("batchNormInference", "flat", "epsilon is forgotten", "+ params.extra)", "+ 0.1)"),
  one(
    "batchNormInference",
    "plane",
    "the mean for the variance",
    "running[params.channels + channel]",
    "abs(running[channel])",
  ),
  one(
    "batchNormInference",
    "flat",
    "channels count along places",
    "i / params.places % params.channels",
    "i % params.channels",
  ),
];

/** Wrong bodies on the chip. */
export const normChipMutants: readonly ChipMutant[] = [
  ["batchNorm", "variance by N - 1", "/ count + ", "/ (count - 1.0) + "],
  ["batchNorm", "the biased variance is kept", "(count - 1.0)", "count"],
  ["batchNorm", "batches are not counted", "batches + select(0.0, 1.0,", "batches + select(0.0, 0.0,"],
  ["batchNormGradient", "the mean of dy is that of one sum", /meanDy = meanDy \+ [^;]+;/, ""],
  ["batchNormGradient", "dbeta is a mean", "= meanDy * count;", "= meanDy;"],
  ["batchNormInference", "the mean is forgotten", " - mu) * r", ") * r"],
];
