import { convInputGradientNaive, convNaive, convWeightGradientNaive } from "../../../shaders/conv/naive.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import type { ConvDims } from "./geometry.ts";
import { type ImageChunk, imageChunks, imageSizes, windowed } from "./images.ts";
import { packConv } from "./params.ts";

type Named = { readonly name: string };

/** One launch for each chunk of images, an invocation for each element of what a chunk gives. */
function perChunk(
  op: Named,
  dims: ConvDims,
  caps: DeviceCaps,
  launch: (chunk: ImageChunk) => { code: string; bindings: readonly Binding[]; size: number },
): KernelPlan {
  const launches = imageChunks(op, dims.n, imageSizes(dims), caps).map((chunk): Launch => {
    const { code, bindings, size } = launch(chunk);
    return flatLaunch(code, packConv(dims, chunk, size), bindings, size, caps);
  });
  return { launches };
}

export const naiveForward = (op: Named, dims: ConvDims, caps: DeviceCaps): KernelPlan =>
  perChunk(op, dims, caps, (chunk) => ({
    code: convNaive(),
    bindings: [windowed(input(0), chunk.x, chunk), input(1), windowed(output(0), chunk.y, chunk)],
    size: chunk.count * imageSizes(dims).y,
  }));

export const naiveInputGradient = (op: Named, dims: ConvDims, caps: DeviceCaps): KernelPlan =>
  perChunk(op, dims, caps, (chunk) => ({
    code: convInputGradientNaive(),
    bindings: [windowed(input(0), chunk.y, chunk), input(1), windowed(output(0), chunk.x, chunk)],
    size: chunk.count * imageSizes(dims).x,
  }));

export const naiveWeightGradient = (op: Named, dims: ConvDims, caps: DeviceCaps): KernelPlan =>
  perChunk(op, dims, caps, (chunk) => ({
    code: convWeightGradientNaive(),
    bindings: [windowed(input(0), chunk.x, chunk), windowed(input(1), chunk.y, chunk), output(0)],
    size: sizeOf([dims.out, dims.cGroup, dims.rows.kernel, dims.columns.kernel]),
  }));
