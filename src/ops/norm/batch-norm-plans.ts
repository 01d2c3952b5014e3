import type { ReduceWidth } from "../../../shaders/common.ts";
import { batchNormAlone, batchNormGradientAlone } from "../../../shaders/norm/batch-norm.ts";
import {
  batchNormApply,
  batchNormGradientApply,
  batchNormGradientMerge,
  batchNormGradientSlices,
  batchNormMerge,
  batchNormSlices,
  mergeParams,
  sliceParams,
} from "../../../shaders/norm/batch-norm-sliced.ts";
import { channelNumbers, channelParams } from "../../../shaders/norm/channels.ts";
import { type PlaneForm, planeParams } from "../../../shaders/norm/planes.ts";
import { ROW_WORKGROUP } from "../../../shaders/norm/rows.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { channelsOf } from "./channels.ts";
import { type BatchNormAttrs, momentumNumber, runningLaunch } from "./running.ts";

/** Elements of a slice at least, slices of a channel and of all channels at most. */
const SLICE = 1024;
const MOST_SLICES = 64;
const MOST_GROUPS = 4096;
/** Elements of a channel from which several workgroups share it, where the device has many. */
const LARGE_CHANNEL = 4096;
/** Elements of a plane from which a workgroup takes it whole. */
const LARGE_PLANE = 64;

export const planeForm = (x: TensorSpec): PlaneForm => (channelsOf(x.shape).places >= LARGE_PLANE ? "plane" : "flat");

/** One launch over all elements of x, which knows their channels. */
export function planeLaunch(
  code: (form: PlaneForm) => string,
  form: PlaneForm,
  x: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const { n, channels, places } = channelsOf(x.shape);
  const size = sizeOf(x.shape);
  const params = planeParams.pack({ size, rows: n * channels, channels, places, extra });
  if (form === "flat") return flatLaunch(code(form), params, bindings, size, caps);
  return { code: code(form), params, bindings, workgroups: grid(n * channels, caps) };
}

/** One launch with a workgroup of `width` a channel of x; `extra` is epsilon. */
function channelLaunch(
  code: (form: PlaneForm, width: ReduceWidth) => string,
  width: ReduceWidth,
  x: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const { n, channels, places } = channelsOf(x.shape);
  const params = channelParams.pack({
    rows: channels,
    ...channelNumbers(n, channels, places, width),
    last: sizeOf(x.shape),
    extra,
  });
  return { code: code(places >= width ? "plane" : "flat", width), params, bindings, workgroups: grid(channels, caps) };
}

const perChannel = (x: TensorSpec): TensorSpec => ({ shape: [x.shape[1]!], dtype: "f32" });

export function aloneForward(
  width: ReduceWidth,
  x: TensorSpec,
  { eps, momentum }: BatchNormAttrs,
  caps: DeviceCaps,
): KernelPlan {
  const bindings = [...[0, 1, 2].map(input), ...[0, 1, 2].map(output), scratch(0, "read_write")];
  return {
    scratch: [perChannel(x)],
    launches: [channelLaunch(batchNormAlone, width, x, eps, bindings, caps), runningLaunch(x, momentum)],
  };
}

export function aloneGradient(width: ReduceWidth, x: TensorSpec, caps: DeviceCaps): KernelPlan {
  const bindings = [...[0, 1, 2, 3, 4].map(input), ...[0, 1, 2].map(output)];
  return { launches: [channelLaunch(batchNormGradientAlone, width, x, 0, bindings, caps)] };
}

/** How the channels of x are cut: `width` elements a slice, a multiple of a workgroup's turn. */
function slicesOf(x: TensorSpec): { readonly slices: number; readonly width: number } {
  const { n, channels, places } = channelsOf(x.shape);
  const count = n * places;
  const most = Math.max(1, Math.min(MOST_SLICES, Math.floor(MOST_GROUPS / channels)));
  const wanted = Math.min(most, Math.ceil(count / SLICE));
  const width = Math.ceil(count / wanted / ROW_WORKGROUP) * ROW_WORKGROUP;
  return { slices: Math.ceil(count / width), width };
}

function sliceLaunch(code: string, x: TensorSpec, bindings: readonly Binding[], caps: DeviceCaps): Launch {
  const { n, channels, places } = channelsOf(x.shape);
  const { slices, width } = slicesOf(x);
  const numbers = channelNumbers(n, channels, places, ROW_WORKGROUP);
  const params = sliceParams.pack({ rows: channels * slices, ...numbers, slices, width });
  return { code, params, bindings, workgroups: grid(channels * slices, caps) };
}

function mergeNumbers(x: TensorSpec, attrs: BatchNormAttrs): ArrayBuffer {
  const { n, channels, places } = channelsOf(x.shape);
  const momentum = momentumNumber(attrs.momentum);
  return mergeParams.pack({ size: channels, ...slicesOf(x), count: n * places, momentum, eps: attrs.eps });
}

const partsOfSlices = (x: TensorSpec): TensorSpec => ({
  shape: [x.shape[1]!, slicesOf(x).slices, 2],
  dtype: "f32",
});
const reads = (b: Binding): Binding => ({ ...b, access: "read" });

export function slicedForward(x: TensorSpec, attrs: BatchNormAttrs, caps: DeviceCaps): KernelPlan {
  const merged = [scratch(0, "read"), output(1), output(2), scratch(1, "read_write"), output(3)];
  const applied = [...[0, 1, 2].map(input), reads(output(1)), reads(output(2)), output(0)];
  return {
    scratch: [partsOfSlices(x), perChannel(x)],
    launches: [
      sliceLaunch(batchNormSlices(), x, [input(0), scratch(0, "read_write")], caps),
      { code: batchNormMerge(), params: mergeNumbers(x, attrs), bindings: merged, workgroups: [1, 1, 1] },
      planeLaunch(batchNormApply, planeForm(x), x, 0, applied, caps),
    ],
  };
}

export function slicedGradient(x: TensorSpec, caps: DeviceCaps): KernelPlan {
  const { n, channels, places } = channelsOf(x.shape);
  const sliced = [input(0), input(1), input(3), input(4), scratch(0, "read_write")];
  const merged = [scratch(0, "read"), output(1), output(2), scratch(1, "read_write")];
  const applied = [...[0, 1, 2, 3, 4].map(input), reads(output(1)), scratch(1, "read"), output(0)];
  const params = mergeNumbers(x, { eps: 0, momentum: 0 });
  return {
    scratch: [partsOfSlices(x), perChannel(x)],
    launches: [
      sliceLaunch(batchNormGradientSlices(), x, sliced, caps),
      flatLaunch(batchNormGradientMerge(), params, merged, channels, caps),
      planeLaunch(batchNormGradientApply, planeForm(x), x, n * places, applied, caps),
    ],
  };
}

/** Slices where a channel has many elements and the device many workgroups at a time. */
export const slicesSuit = (x: TensorSpec, caps: DeviceCaps): boolean => {
  const { n, places } = channelsOf(x.shape);
  return !caps.onCpu && n * places >= LARGE_CHANNEL;
};

/** Kernels over all elements one by one, and by planes. */
export function planeKernels<A>(
  name: string,
  launch: (form: PlaneForm, inputs: readonly TensorSpec[], attrs: A, caps: DeviceCaps) => Launch,
): readonly Kernel<A>[] {
  return (["flat", "plane"] as const).map((form) => ({
    name: `${name}/${form}`,
    plan: (inputs, _outputs, attrs, caps) => ({ launches: [launch(form, inputs, attrs, caps)] }),
    suits: ([x]) => form === "flat" || planeForm(x!) === form,
  }));
}
