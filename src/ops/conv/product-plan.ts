import type { ConvEpilogue } from "../../../shaders/conv/common.ts";
import { productParams } from "../../../shaders/conv/product.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";
import { grid, input, output } from "../shared/dispatch-plan.ts";
import { epilogueBindings } from "./epilogue.ts";
import type { ConvDims } from "./geometry.ts";
import { imageChunks, imageSizes, windowed } from "./images.ts";

/** A convolution or its input gradient: from x to y or back. */
export type Way = "forward" | "back";

/** What an op that is one has to do, besides its sums. */
export interface ConvProduct {
  readonly op: { readonly name: string };
  readonly way: Way;
  readonly dims: ConvDims;
  readonly epilogue: ConvEpilogue;
  /** What the activation takes, and what is added to running variances. */
  readonly alpha: number;
  readonly eps: number;
}

/** A kernel for it. */
export interface ProductKernel {
  readonly code: string;
  /** Channels of a tile. */
  readonly rows: number;
  /** Tiles into which the places of so many images fall. */
  readonly tilesN: (images: number) => number;
  /** Workgroups along z: groups of channels, each in all phases, unless tiles hold all of them. */
  readonly depth: number;
  /** Rows of places of an invocation that goes through several. */
  readonly bandRows?: number;
  /** How far elements of a row of the kernel are from each other in w, and where the first of them is that is used. */
  readonly taps: { readonly first: number; readonly step: number };
  /** The one phase of the columns that it is for. */
  readonly phase?: ColumnPhase;
}

/** Columns of the result from `first` on, a stride apart, and the column of the other side that the first tap meets there. */
export interface ColumnPhase {
  readonly first: number;
  readonly from: number;
  /** Whether any element of a row of the kernel meets them. */
  readonly met: boolean;
}

/** Channels of a group of the result and of the other side, and the places of the result, in how many phases. */
export function productSizes({ way, dims }: Pick<ConvProduct, "way" | "dims">) {
  const { cGroup, outGroup, rows, columns } = dims;
  if (way === "forward") {
    return { M: outGroup, K: cGroup, rows: rows.y, columns: columns.y, phaseRows: 1, phaseColumns: 1 };
  }
  const phases = { phaseRows: rows.stride, phaseColumns: columns.stride };
  return { M: cGroup, K: outGroup, rows: rows.x, columns: columns.x, ...phases };
}

/** Groups of channels, each in every phase. */
export function partsOf(product: ConvProduct): number {
  const { phaseRows, phaseColumns } = productSizes(product);
  return product.dims.groups * phaseRows * phaseColumns;
}

/** As u32, where it may be below 0. */
const wrapped = (v: number): number => v >>> 0;

/** Launches for each chunk of images; null where the grid does not hold all groups and phases. */
export function productPlan(
  product: ConvProduct,
  kernels: ProductKernel | readonly ProductKernel[],
  caps: DeviceCaps,
): KernelPlan | null {
  const all = "code" in kernels ? [kernels] : kernels;
  if (all.some(({ depth }) => depth > caps.maxComputeWorkgroupsPerDimension)) return null;
  return { launches: all.flatMap((kernel) => launchesOf(product, kernel, caps)) };
}

function launchesOf(product: ConvProduct, kernel: ProductKernel, caps: DeviceCaps): readonly Launch[] {
  const { op, dims, epilogue, alpha, eps } = product;
  const forward = product.way === "forward";
  const { groups, cGroup, outGroup, rows, columns } = dims;
  const taps = rows.kernel * columns.kernel;
  const sizes = productSizes(product);
  const { depth, bandRows = 1, phase } = kernel;
  const image = imageSizes(dims);
  const [bImage, cImage] = forward ? [image.x, image.y] : [image.y, image.x];
  const { first, step } = kernel.taps;
  return imageChunks(op, dims.n, image, caps).map((chunk): Launch => {
    const [b, c] = forward ? [chunk.x, chunk.y] : [chunk.y, chunk.x];
    const tilesN = kernel.tilesN(chunk.count);
    const tiles = tilesN * Math.ceil(sizes.M / kernel.rows);
    const params = productParams.pack({
      ...sizes,
      images: chunk.count,
      bRows: forward ? rows.x : rows.y,
      bColumns: forward ? columns.x : columns.y,
      firstColumn: phase?.first ?? 0,
      kernelRows: phase?.met === false ? 0 : rows.kernel,
      kernelColumns: columns.kernel,
      originRows: forward ? rows.stride : 1,
      originColumns: forward ? columns.stride : 1,
      tapStepRows: wrapped(forward ? rows.dilation : -rows.dilation),
      tapStepColumns: wrapped(forward ? columns.dilation : -columns.dilation),
      tapFromRows: wrapped(forward ? -rows.before : rows.before),
      tapFromColumns: wrapped(phase?.from ?? (forward ? -columns.before : columns.before - first)),
      aRow: forward ? cGroup * taps : taps,
      aTerm: forward ? taps : cGroup * taps,
      aGroup: outGroup * cGroup * taps,
      aTapFrom: first,
      aTapStep: wrapped(step),
      bOffset: b.rest,
      bImage,
      bGroup: bImage / groups,
      cOffset: c.rest,
      cImage,
      bandRows,
      tilesN,
      tiles,
      alpha,
      eps,
    });
    const ofResult = (binding: Binding): Binding => windowed(binding, c, chunk);
    const more = epilogueBindings(epilogue, ofResult);
    const bindings = [input(1), windowed(input(0), b, chunk), ...more, ofResult(output(0))];
    const [x, y] = grid(tiles, caps);
    return { code: kernel.code, params, bindings, workgroups: [x, y, depth] };
  });
}
