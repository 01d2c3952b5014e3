import { convParams } from "../../../shaders/conv/common.ts";
import type { ConvDims } from "./geometry.ts";
import type { ImageChunk } from "./images.ts";

/** The uniform block of one launch, over `size` elements of its result. */
export function packConv(dims: ConvDims, chunk: ImageChunk, size: number, alpha = 0): ArrayBuffer {
  const { c, out, cGroup, outGroup, rows, columns } = dims;
  return convParams.pack({
    size,
    n: chunk.count,
    c,
    out,
    cGroup,
    outGroup,
    xRows: rows.x,
    xColumns: columns.x,
    yRows: rows.y,
    yColumns: columns.y,
    kernelRows: rows.kernel,
    kernelColumns: columns.kernel,
    strideRows: rows.stride,
    strideColumns: columns.stride,
    beforeRows: rows.before,
    beforeColumns: columns.before,
    dilationRows: rows.dilation,
    dilationColumns: columns.dilation,
    xOffset: chunk.x.rest,
    yOffset: chunk.y.rest,
    first: chunk.first === 0 ? 1 : 0,
    biasOffset: 0,
    alpha,
  });
}
