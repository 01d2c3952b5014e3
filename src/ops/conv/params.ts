import { convParams } from "../../../shaders/conv/common.ts";
import type { ConvDims } from "./geometry.ts";
import type { ImageChunk } from "./images.ts";

type Numbers = Parameters<(typeof convParams)["pack"]>[0];
/** Numbers that only some kernels look at. */
type More = Partial<Pick<Numbers, "alpha" | "eps" | "tilesN" | "tiles" | "slices" | "sliceLines" | "sliceFirst">>;

/** The uniform block of one launch, over `size` elements of its result. */
export function packConv(dims: ConvDims, chunk: ImageChunk, size: number, more: More = {}): ArrayBuffer {
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
    alpha: 0,
    eps: 0,
    tilesN: 0,
    tiles: 0,
    slices: 0,
    sliceLines: 0,
    sliceFirst: 0,
    ...more,
  });
}
