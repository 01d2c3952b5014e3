import { type Epilogue, finishFunction } from "../matmul/common.ts";
import { paramBlock } from "../params.ts";

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
});

/** `finish(sum, at, channel)` for sums to which the bias has been added: it is the same for all places of a channel. */
export const finishConv = (epilogue: Epilogue): string =>
  finishFunction({ form: "NN", accumulate: false, epilogue: { ...epilogue, bias: false } });

/** The bias of a channel, where there is one. */
export const biasOf = ({ bias }: Epilogue, channel: string): string => (bias ? `bias[${channel}]` : "0.0");
