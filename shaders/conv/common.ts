import { type Epilogue, finishFunction, NO_EPILOGUE } from "../matmul/common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * Sizes of a convolution, as ops/conv/geometry.ts has them, and of one launch: `n` images of a window that begins xOffset and
 * yOffset elements before what it uses; `size` elements of the result. Places along an axis are counted in u32: what lies
 * before the first wraps to a large number, so that one comparison finds both edges.
 */
export const convParams = paramBlock({
  size: "u32",
  n: "u32",
  c: "u32",
  out: "u32",
  cGroup: "u32",
  outGroup: "u32",
  xRows: "u32",
  xColumns: "u32",
  yRows: "u32",
  yColumns: "u32",
  kernelRows: "u32",
  kernelColumns: "u32",
  strideRows: "u32",
  strideColumns: "u32",
  beforeRows: "u32",
  beforeColumns: "u32",
  dilationRows: "u32",
  dilationColumns: "u32",
  xOffset: "u32",
  yOffset: "u32",
  first: "u32",
  tilesN: "u32",
  tiles: "u32",
  slices: "u32",
  sliceLines: "u32",
  sliceFirst: "u32",
  alpha: "f32",
  eps: "f32",
});

/** What happens to a finished sum before it is stored: as after a matrix product, and in nets of images. */
export interface ConvEpilogue extends Epilogue {
  /** Normalises a channel by running statistics: by running [2 c + 1], its means and variances, and gamma and beta [c]. */
  readonly norm: boolean;
  /** Adds `residual`, of the result's shape: the end of a residual block. */
  readonly residual: boolean;
}

export const NO_CONV_EPILOGUE: ConvEpilogue = { ...NO_EPILOGUE, norm: false, residual: false };

/** What an epilogue reads, in the order of its bindings, which is that of the op's inputs behind the first two. */
export function epilogueArrays({ bias, norm, residual, derivative }: ConvEpilogue): readonly string[] {
  return [
    ...(bias ? ["bias"] : []),
    ...(norm ? ["gamma", "beta", "running"] : []),
    ...(residual ? ["residual"] : []),
    ...(derivative !== null ? ["v"] : []),
  ];
}

/** `finish(value, at, channel)`, for what `finished` makes of a sum. */
export const finishConv = (epilogue: ConvEpilogue): string =>
  finishFunction({ form: "NN", accumulate: false, epilogue: { ...epilogue, bias: false } });

/** What `finished` needs that is the same for all places of a channel, one of so many. */
export const ofChannel = ({ bias, norm }: ConvEpilogue, channel: string, channels: string): string => wgsl`
#if ${bias}
    let own = bias[${channel}];
#endif
#if ${norm}
    let mean = running[${channel}];
    let rstd = 1.0 / sqrt(running[${channels} + ${channel}] + params.eps);
    let scale = gamma[${channel}];
    let shift = beta[${channel}];
#endif
`;

/** The value of element `at` of the result, from its sum. */
export function finished({ bias, norm, residual }: ConvEpilogue, sum: string, at: string, channel: string): string {
  const biased = bias ? `${sum} + own` : sum;
  const scaled = norm ? `(${biased} - mean) * rstd * scale + shift` : biased;
  return `finish(${scaled}${residual ? ` + residual[${at}]` : ""}, ${at}, ${channel})`;
}
