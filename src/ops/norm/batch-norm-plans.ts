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
import { flatLaunch, grid, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { channelsOf } from "./channels.ts";
import { type BatchNormAttrs, momentumNumber, runningLaunch } from "./running.ts";
import { boundIn, eachOf, type RowBinding, type RowWindow, rowWindows } from "./windows.ts";

/** Elements of a slice at least, slices of a channel and of all channels at most. */
const SLICE = 1024;
const MOST_SLICES = 64;
const MOST_GROUPS = 4096;
/** Elements of a channel from which several workgroups share it, where the device has many. */
const LARGE_CHANNEL = 4096;
/** Elements of a plane from which a workgroup takes it whole. */
const LARGE_PLANE = 64;

export const planeForm = (x: TensorSpec): PlaneForm => (channelsOf(x.shape).places >= LARGE_PLANE ? "plane" : "flat");

/** Elements of an image. */
export const imageOf = (x: TensorSpec): number => sizeOf(x.shape.slice(1));

/** A launch or more over all elements of x, which know their channels. */
export function planeLaunches(
  code: (form: PlaneForm, four: boolean) => string,
  form: PlaneForm,
  x: TensorSpec,
  extra: number,
  bindings: readonly RowBinding[],
  caps: DeviceCaps,
): readonly Launch[] {
  const { n, channels, places: elements } = channelsOf(x.shape);
  const [four, places] = inFours(elements);
  return rowWindows(n, eachOf(bindings), caps).map((window): Launch => {
    const rows = window.count * channels;
    const size = rows * places;
    const params = planeParams.pack({ size, rows, channels, places, extra });
    const bound = boundIn(window, bindings);
    if (form === "flat") return flatLaunch(code(form, four), params, bound, size, caps);
    return { code: code(form, four), params, bindings: bound, workgroups: grid(rows, caps) };
  });
}

/** Bindings of inputs: those that have images, and those that every launch sees whole. */
export const inputsOf = (x: TensorSpec, images: readonly number[], whole: readonly number[]): readonly RowBinding[] =>
  [...images.map((i) => [input(i), imageOf(x)] as const), ...whole.map((i) => [input(i), 0] as const)].sort(
    ([a], [b]) => a.index - b.index,
  );

const wholly = (b: Binding): RowBinding => [b, 0];

/** Places of a channel as `width` invocations take them: four at a time, where there are some for all. */
function placesBy(width: number, x: TensorSpec): readonly [four: boolean, places: number] {
  const { n, places } = channelsOf(x.shape);
  return n * places >= 4 * width ? inFours(places) : [false, places];
}

/** One launch with a workgroup of `width` a channel of x; `extra` is epsilon. */
function channelLaunch(
  code: (form: PlaneForm, width: ReduceWidth, four: boolean) => string,
  width: ReduceWidth,
  x: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const { n, channels } = channelsOf(x.shape);
  const [four, places] = placesBy(width, x);
  const params = channelParams.pack({
    rows: channels,
    ...channelNumbers(n, channels, places, width),
    last: n * channels * places,
    extra,
  });
  return {
    code: code(places >= width ? "plane" : "flat", width, four),
    params,
    bindings,
    workgroups: grid(channels, caps),
  };
}

const perChannel = (x: TensorSpec): TensorSpec => ({ shape: [x.shape[1]!], dtype: "f32" });

export function aloneForward(
  width: ReduceWidth,
  x: TensorSpec,
  { eps, momentum }: BatchNormAttrs,
  caps: DeviceCaps,
): KernelPlan | null {
  if (windowsOf(x, caps).length > 1) return null;
  const bindings = [...[0, 1, 2].map(input), ...[0, 1, 2].map(output), scratch(0, "read_write")];
  return {
    scratch: [perChannel(x)],
    launches: [channelLaunch(batchNormAlone, width, x, eps, bindings, caps), runningLaunch(x, momentum)],
  };
}

export function aloneGradient(width: ReduceWidth, x: TensorSpec, caps: DeviceCaps): KernelPlan | null {
  if (windowsOf(x, caps).length > 1) return null;
  const bindings = [...[0, 1, 2, 3, 4].map(input), ...[0, 1, 2].map(output)];
  return { launches: [channelLaunch(batchNormGradientAlone, width, x, 0, bindings, caps)] };
}

/** Images that one launch looks at. */
const windowsOf = (x: TensorSpec, caps: DeviceCaps): readonly RowWindow[] =>
  rowWindows(x.shape[0]!, [imageOf(x)], caps);

/**
 * How the channels of x are cut: `width` elements a slice, a multiple of a workgroup's turn. Where a launch sees some of the
 * images alone, those are a slice.
 */
function slicesOf(x: TensorSpec, caps: DeviceCaps): { readonly slices: number; readonly width: number } {
  const { n, channels, places } = channelsOf(x.shape);
  const windows = windowsOf(x, caps);
  if (windows.length > 1) return { slices: windows.length, width: windows[0]!.count * places };
  const count = n * places;
  const most = Math.max(1, Math.min(MOST_SLICES, Math.floor(MOST_GROUPS / channels)));
  const wanted = Math.min(most, Math.ceil(count / SLICE));
  const width = Math.ceil(count / wanted / ROW_WORKGROUP) * ROW_WORKGROUP;
  return { slices: Math.ceil(count / width), width };
}

function sliceLaunches(
  code: (four: boolean) => string,
  x: TensorSpec,
  bindings: readonly RowBinding[],
  caps: DeviceCaps,
): readonly Launch[] {
  const { channels } = channelsOf(x.shape);
  const { slices: all, width: sliced } = slicesOf(x, caps);
  const [four, places] = placesBy(ROW_WORKGROUP, x);
  const width = four ? sliced / 4 : sliced;
  const windows = windowsOf(x, caps);
  return windows.map((window, first): Launch => {
    const numbers = channelNumbers(window.count, channels, places, ROW_WORKGROUP);
    const slices = all / windows.length;
    const rows = channels * slices;
    const params = sliceParams.pack({ rows, ...numbers, slices, width, all, first });
    return { code: code(four), params, bindings: boundIn(window, bindings), workgroups: grid(rows, caps) };
  });
}

function mergeNumbers(x: TensorSpec, attrs: BatchNormAttrs, caps: DeviceCaps): ArrayBuffer {
  const { n, channels, places } = channelsOf(x.shape);
  const momentum = momentumNumber(attrs.momentum);
  return mergeParams.pack({ size: channels, ...slicesOf(x, caps), count: n * places, momentum, eps: attrs.eps });
}

const partsOfSlices = (x: TensorSpec, caps: DeviceCaps): TensorSpec => ({
  shape: [x.shape[1]!, slicesOf(x, caps).slices, 2],
  dtype: "f32",
});
const reads = (b: Binding): Binding => ({ ...b, access: "read" });

export function slicedForward(x: TensorSpec, attrs: BatchNormAttrs, caps: DeviceCaps): KernelPlan {
  const merged = [scratch(0, "read"), output(1), output(2), scratch(1, "read_write"), output(3)];
  const saved = [reads(output(1)), reads(output(2))].map(wholly);
  const applied: readonly RowBinding[] = [...inputsOf(x, [0], [1, 2]), ...saved, [output(0), imageOf(x)]];
  const sliced = [...inputsOf(x, [0], []), wholly(scratch(0, "read_write"))];
  return {
    scratch: [partsOfSlices(x, caps), perChannel(x)],
    launches: [
      ...sliceLaunches(batchNormSlices, x, sliced, caps),
      { code: batchNormMerge(), params: mergeNumbers(x, attrs, caps), bindings: merged, workgroups: [1, 1, 1] },
      ...planeLaunches(batchNormApply, planeForm(x), x, 0, applied, caps),
    ],
  };
}

export function slicedGradient(x: TensorSpec, caps: DeviceCaps): KernelPlan {
  const { n, channels, places } = channelsOf(x.shape);
  const sliced = [...inputsOf(x, [0, 1], [3, 4]), wholly(scratch(0, "read_write"))];
  const merged = [scratch(0, "read"), output(1), output(2), scratch(1, "read_write")];
  const means = [reads(output(1)), scratch(1, "read")].map(wholly);
  const applied: readonly RowBinding[] = [...inputsOf(x, [0, 1], [2, 3, 4]), ...means, [output(0), imageOf(x)]];
  const params = mergeNumbers(x, { eps: 0, momentum: 0 }, caps);
  return {
    scratch: [partsOfSlices(x, caps), perChannel(x)],
    launches: [
      ...sliceLaunches(batchNormGradientSlices, x, sliced, caps),
      flatLaunch(batchNormGradientMerge(), params, merged, channels, caps),
      ...planeLaunches(batchNormGradientApply, planeForm(x), x, n * places, applied, caps),
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
  launches: (form: PlaneForm, inputs: readonly TensorSpec[], attrs: A, caps: DeviceCaps) => readonly Launch[],
): readonly Kernel<A>[] {
  return (["flat", "plane"] as const).map((form) => ({
    name: `${name}/${form}`,
    plan: (inputs, _outputs, attrs, caps) => ({ launches: launches(form, inputs, attrs, caps) }),
    suits: ([x]) => form === "flat" || planeForm(x!) === form,
  }));
}
