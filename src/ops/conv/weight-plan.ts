import { sumSlices, sumSlicesParams } from "../../../shaders/conv/weight-sums.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import type { ConvDims } from "./geometry.ts";
import { imageChunks, imageSizes, windowed } from "./images.ts";
import { packConv } from "./params.ts";

/**
 * Workgroups that are enough. A GPU waits for memory in every turn of a sum, and hides that behind other workgroups alone:
 * an H200 with two of them a processor reached a fifteenth of what a convolution forward does.
 */
const enoughWorkgroups = ({ onCpu }: DeviceCaps): number => (onCpu ? 256 : 2048);
/** Terms that a slice of a divided sum has at least. */
const SLICE_TERMS = 128;

/** Into how many slices a sum over so many lines of places is divided, for each of so many workgroups; and lines of one. */
export function slicesOf(lines: number, columns: number, workgroups: number, enough: number) {
  const most = Math.floor((lines * columns) / SLICE_TERMS);
  const wanted = Math.max(1, Math.min(most, lines, Math.floor(enough / workgroups)));
  const sliceLines = Math.ceil(lines / wanted);
  return { sliceLines, slices: Math.ceil(lines / sliceLines) };
}

/** A kernel for it. */
export interface WeightKernel {
  /** Tiles into which the elements of a channel's kernel fall; with `rows` null those of all channels. */
  readonly tilesN: number;
  /** Channels of y in a tile; null where each has a group of its own. */
  readonly rows: number | null;
  readonly invocations: number;
  /** Workgroups that are enough, where they are larger than others'. */
  readonly enough?: number;
  readonly code: (sums: boolean) => string;
}

/**
 * dw from x and dy, inputs 0 and 1; with `sums` db too, output 1. The sum over images is divided among workgroups where the
 * result alone would keep few of them busy; what each gives, and each chunk of images, is added up at the end. Null where the
 * grid or a binding does not hold that.
 */
export function weightPlan(
  op: { readonly name: string },
  dims: ConvDims,
  kernel: WeightKernel,
  sums: boolean,
  caps: DeviceCaps,
): KernelPlan | null {
  const { out, cGroup, outGroup, groups, rows, columns } = dims;
  const size = out * cGroup * rows.kernel * columns.kernel;
  const { tilesN, invocations } = kernel;
  // Groups whose channels tiles do not divide follow each other over the invocations.
  const tiles = kernel.rows === null ? tilesN : tilesN * Math.ceil(outGroup / kernel.rows);
  const depth = kernel.rows === null ? 1 : groups;
  const chunks = imageChunks(op, dims.n, imageSizes(dims), caps).map((chunk) => {
    return {
      ...chunk,
      ...slicesOf(chunk.count * rows.y, columns.y, tiles * depth, kernel.enough ?? enoughWorkgroups(caps)),
    };
  });
  const all = chunks.reduce((sum, { slices }) => sum + slices, 0);
  const deepest = Math.max(...chunks.map(({ slices }) => slices * depth));
  if (deepest > caps.maxComputeWorkgroupsPerDimension || all * size * 4 > caps.maxStorageBufferBindingSize) return null;
  const results = (access: Binding["access"]): readonly Binding[] => [
    all > 1 ? scratch(0, access) : output(0),
    ...(sums ? [all > 1 ? scratch(1, access) : output(1)] : []),
  ];
  let sliceFirst = 0;
  const launches = chunks.map((chunk): Launch => {
    const { slices, sliceLines } = chunk;
    const numbers = { tilesN, tiles, slices, sliceLines, sliceFirst };
    sliceFirst += slices;
    const bindings = [windowed(input(0), chunk.x, chunk), windowed(input(1), chunk.y, chunk), ...results("read_write")];
    const [x, y] = grid(tiles + (sums ? Math.ceil(out / invocations) : 0), caps);
    const params = packConv(dims, chunk, size, numbers);
    return { code: kernel.code(sums), params, bindings, workgroups: [x, y, slices * depth] };
  });
  if (all === 1) return { launches };
  const total = size + (sums ? out : 0);
  const params = sumSlicesParams.pack({ size: total, weights: size, slices: all });
  const bindings = [...results("read"), output(0), ...(sums ? [output(1)] : [])];
  const spec = (...shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
  return {
    launches: [...launches, flatLaunch(sumSlices(sums), params, bindings, total, caps)],
    scratch: [spec(all, size), ...(sums ? [spec(all, out)] : [])],
  };
}
