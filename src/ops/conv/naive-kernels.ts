import { convInputGradientNaive, convNaive, convWeightGradientNaive } from "../../../shaders/conv/naive.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import { channelSumsPlan } from "./channel-sums.ts";
import { epilogueBindings } from "./epilogue.ts";
import type { ConvDims } from "./geometry.ts";
import { imageChunks, imageSizes, windowed } from "./images.ts";
import { packConv } from "./params.ts";
import type { ConvProduct } from "./product-plan.ts";

/** A convolution or its input gradient, an invocation for each element: one launch for each chunk of images. */
export function naivePlan({ op, way, dims, epilogue, alpha, eps }: ConvProduct, caps: DeviceCaps): KernelPlan {
  const forward = way === "forward";
  const sizes = imageSizes(dims);
  const launches = imageChunks(op, dims.n, sizes, caps).map((chunk): Launch => {
    const [from, to] = forward ? [chunk.x, chunk.y] : [chunk.y, chunk.x];
    const ofResult = (b: Binding): Binding => windowed(b, to, chunk);
    const more = epilogueBindings(epilogue, ofResult);
    const bindings = [windowed(input(0), from, chunk), input(1), ...more, ofResult(output(0))];
    const size = chunk.count * (forward ? sizes.y : sizes.x);
    const code = forward ? convNaive(epilogue) : convInputGradientNaive(epilogue);
    return flatLaunch(code, packConv(dims, chunk, size, { alpha, eps }), bindings, size, caps);
  });
  return { launches };
}

/**
 * The gradient of w, an invocation for each element: a launch for each chunk of images, which adds to what is there. With
 * `sums` the sums of dy's channels too, by launches of their own.
 */
export function naiveWeightPlan(
  op: { readonly name: string },
  dims: ConvDims,
  sums: boolean,
  caps: DeviceCaps,
): KernelPlan {
  const size = sizeOf([dims.out, dims.cGroup, dims.rows.kernel, dims.columns.kernel]);
  const chunks = imageChunks(op, dims.n, imageSizes(dims), caps);
  const launches = chunks.map((chunk): Launch => {
    const bindings = [windowed(input(0), chunk.x, chunk), windowed(input(1), chunk.y, chunk), output(0)];
    return flatLaunch(convWeightGradientNaive(), packConv(dims, chunk, size), bindings, size, caps);
  });
  if (!sums) return { launches };
  const places = dims.rows.y * dims.columns.y;
  const ofChannels = channelSumsPlan({ n: dims.n, c: dims.out, places }, chunks, input(1), output(1), caps);
  return { ...ofChannels, launches: [...launches, ...ofChannels.launches] };
}
