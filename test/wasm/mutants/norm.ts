import { type Mutant, wrong } from "../mutants.ts";

/** Wrong versions of wasm/batch-norm.ts. */
export const normMutants: readonly Mutant[] = [
  wrong(
    "batchNorm",
    "batch-norm",
    "variance by N - 1",
    "sqrt<f64>(squares / count +",
    "sqrt<f64>(squares / (count - 1) +",
  ),
  wrong("batchNorm", "stretch", "the rest of a stretch is left", "d * d;\n    }", "d;\n    }"),
  wrong("batchNorm", "batch-norm", "the biased variance is kept", "/ (count - 1);", "/ count;"),
  wrong(
    "batchNorm",
    "batch-norm",
    "the mean of all begins at a half",
    "(<f64>load<f32>(last) + 1)",
    "(<f64>load<f32>(last) + 2)",
  ),
  wrong("batchNormGradient", "batch-norm", "dgamma is not scaled", ", mean) * <f64>rstd;", ", mean);"),
  wrong(
    "batchNormGradient",
    "stretch",
    "the mean of dy is forgotten",
    "f32x4.sub(f32x4.mul(v128.load(dy + o), f32x4.splat(scale)), f32x4.splat(meanG))",
    "f32x4.mul(v128.load(dy + o), f32x4.splat(scale))",
  ),
  wrong("batchNormInference", "batch-norm", "the first channel for all", "plane % channels", "plane % 1"),
  wrong("groupNorm", "group-norm", "the first group's scales for all", "(row % groups) * each + k", "k"),
  wrong(
    "groupNormGradient",
    "group-norm",
    "gamma is forgotten in the mean",
    "sumG += scale * channelSum",
    "sumG += channelSum",
  ),
  wrong(
    "groupNormScaleGradient",
    "group-norm",
    "a group a channel",
    "image * groups + c / each",
    "image * groups + c % groups",
  ),
  wrong(
    "groupNorm groupNormGradient",
    "stretch",
    "the rest of a stretch is left",
    "sum += <f64>load<f32>(p + (<usize>j << 2));",
    "sum += 0;",
  ),
  wrong("rmsNorm", "rms-norm", "the weight is forgotten", "f32x4.mul(xhat, get(weight + o, N - j))", "xhat"),
  wrong("rmsNormGradient", "rms-norm", "the mean is a sum", "* <f64>rstd) / <f64>N", "* <f64>rstd)"),
  wrong(
    "rmsNormScaleGradient",
    "rms-norm",
    "the last row is dropped",
    "for (let m = 0; m < M; m++) {",
    "for (let m = 0; m + 1 < M; m++) {",
  ),
];
