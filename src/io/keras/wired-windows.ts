import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, sizeOf } from "../../core/ndarray.ts";
import {
  addConv,
  addConvTranspose,
  addGlobalPool,
  addPool,
  type Pool,
  samePads,
  spansOf,
  type Windows,
} from "../net/windows.ts";
import { flagOf, numberOf, refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import { channelsFirst, inAxes, type Placed, placedAs } from "./placed.ts";
import { formatOf, perDimension, setting, turned, vector, type WiredKeras, type WiredReader } from "./wired-place.ts";

/** A value with its channels first, and the way back to Keras's axes. */
function placesOf(layer: KerasLayer, x: Placed, dims: number, { net }: WiredKeras, where: string) {
  if (x.shape.length !== dims + 1) {
    refuse(`${where} takes ${dims} dimensions of places and channels, but is given ${shapeText(x.shape)}`);
  }
  const order = channelsFirst(dims + 1, formatOf(layer, where));
  const value = inAxes(net, x, order, where);
  return { value, order, places: net.shapeOf(value).slice(1) };
}

/** Padding as TensorFlow does it: "same" puts an odd place behind, whatever the stride. */
function padsOf(layer: KerasLayer, places: readonly number[], bare: Windows, where: string): Windows["pads"] {
  const padding = setting(layer, "padding") ?? "valid";
  const spans = spansOf(bare);
  if (padding === "valid") return places.map(() => [0, 0] as const);
  if (padding === "same") return places.map((size, d) => samePads(size, spans[d]!, bare.stride[d]!));
  if (padding === "causal" && places.length === 1) return [[spans[0]! - 1, 0]];
  return refuse(`${where}: padding ${brief(padding)}; known are valid, same, and causal along one dimension`);
}

function windowsOf(layer: KerasLayer, kernel: readonly number[], places: readonly number[], where: string): Windows {
  const stride = perDimension(layer, "strides", kernel.length, 1, where);
  const dilation = perDimension(layer, "dilation_rate", kernel.length, 1, where);
  const bare = { kernel, stride, dilation, pads: kernel.map(() => [0, 0] as const) };
  return { ...bare, pads: padsOf(layer, places, bare, where) };
}

const biasOf = (layer: KerasLayer, size: number, { net, weights }: WiredKeras, where: string): NdArray | null =>
  flagOf(setting(layer, "use_bias"), true, `${where}: use_bias`)
    ? vector(weights.take(layer, "bias"), size, net, where)
    : null;

const range = (dims: number): readonly number[] => Array.from({ length: dims }, (_, i) => i);

/** Keras's kernel [...places, in / groups, out] is [out, in / groups, ...places] here. */
const conv =
  (dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { net, weights } = to;
    const { value, order, places } = placesOf(layer, x, dims, to, where);
    const weight = turned(weights.take(layer, "kernel"), [dims + 1, dims, ...range(dims)], net, where);
    const bias = biasOf(layer, weight.shape[0]!, to, where);
    const windows = windowsOf(layer, weight.shape.slice(2), places, where);
    const groups = numberOf(setting(layer, "groups"), 1, `${where}: groups`);
    return placedAs(net, addConv(net, value, windows, groups, weight, bias, where), order);
  };

/** A kernel [...places, channels, multiplier] as one of a group for each channel. */
function depthwiseKernel(layer: KerasLayer, dims: number, { net, weights }: WiredKeras, where: string): NdArray {
  const kernel = turned(weights.take(layer, "depthwise_kernel"), [dims, dims + 1, ...range(dims)], net, where);
  const [channels, multiplier, ...places] = kernel.shape as readonly [number, number, ...number[]];
  return { ...kernel, shape: [channels * multiplier, 1, ...places] };
}

const depthwise =
  (dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { value, order, places } = placesOf(layer, x, dims, to, where);
    const weight = depthwiseKernel(layer, dims, to, where);
    const bias = biasOf(layer, weight.shape[0]!, to, where);
    const windows = windowsOf(layer, weight.shape.slice(2), places, where);
    return placedAs(to.net, addConv(to.net, value, windows, to.net.shapeOf(value)[0]!, weight, bias, where), order);
  };

/** Channels by themselves, and then one place at a time: two layers. */
const separable =
  (dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { net, weights } = to;
    const { value, order, places } = placesOf(layer, x, dims, to, where);
    const own = depthwiseKernel(layer, dims, to, where);
    const weight = turned(weights.take(layer, "pointwise_kernel"), [dims + 1, dims, ...range(dims)], net, where);
    const bias = biasOf(layer, weight.shape[0]!, to, where);
    const windows = windowsOf(layer, own.shape.slice(2), places, where);
    const apart = addConv(net, value, windows, net.shapeOf(value)[0]!, own, null, where);
    const ones = range(dims).map(() => 1);
    const single = {
      kernel: weight.shape.slice(2),
      stride: ones,
      dilation: ones,
      pads: ones.map(() => [0, 0] as const),
    };
    return placedAs(net, addConv(net, apart, single, 1, weight, bias, where), order);
  };

/** Keras's kernel [...places, out, in] is [in, out, ...places] here. What is taken off follows from how many places come out. */
const convTranspose =
  (dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { net, weights } = to;
    const { value, order, places } = placesOf(layer, x, dims, to, where);
    const weight = turned(weights.take(layer, "kernel"), [dims + 1, dims, ...range(dims)], net, where);
    const bias = biasOf(layer, weight.shape[1]!, to, where);
    const kernel = weight.shape.slice(2);
    const stride = perDimension(layer, "strides", dims, 1, where);
    const dilation = perDimension(layer, "dilation_rate", dims, 1, where);
    const spans = spansOf({ kernel, stride, dilation, pads: [] });
    const same = setting(layer, "padding") === "same";
    if (!same && (setting(layer, "padding") ?? "valid") !== "valid")
      refuse(`${where}: padding ${brief(setting(layer, "padding"))}`);
    const more = setting(layer, "output_padding");
    const sizes = places.map((size, d) => {
      const [s, span] = [stride[d]!, spans[d]!];
      if (more == null) return same ? size * s : size * s + Math.max(span - s, 0);
      const behind = numberOf(Array.isArray(more) ? more[d] : more, 0, `${where}: output_padding`);
      return (size - 1) * s + span - (same ? 2 * Math.floor(span / 2) : 0) + behind;
    });
    const over = places.map((size, d) => (size - 1) * stride[d]! + spans[d]! - sizes[d]!);
    const pads = over.map((total): readonly [number, number] => {
      const before = Math.floor(Math.max(total, 0) / 2);
      return [before, Math.max(total, 0) - before];
    });
    const behind = over.map((total) => Math.max(-total, 0));
    const y = addConvTranspose(net, value, { kernel, stride, dilation, pads }, behind, 1, weight, bias, where);
    return placedAs(net, y, order);
  };

const pool =
  (kind: Pool["kind"], dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { value, order, places } = placesOf(layer, x, dims, to, where);
    const kernel = perDimension(layer, "pool_size", dims, 2, where);
    const stride = setting(layer, "strides") == null ? kernel : perDimension(layer, "strides", dims, 1, where);
    const bare = { kernel, stride, dilation: kernel.map(() => 1), pads: kernel.map(() => [0, 0] as const) };
    const windows = { ...bare, pads: padsOf(layer, places, bare, where) };
    const countPadding = windows.pads.flat().every((p) => p === 0);
    return placedAs(to.net, addPool(to.net, value, windows, { kind, ceil: false, countPadding }, where), order);
  };

const globalPool =
  (kind: Pool["kind"], dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { net } = to;
    const { value, order } = placesOf(layer, x, dims, to, where);
    const pooled = addGlobalPool(net, value, kind, where);
    if (flagOf(setting(layer, "keepdims"), false, `${where}: keepdims`)) return placedAs(net, pooled, order);
    return placedAs(net, net.reshape(pooled, [net.shapeOf(pooled)[0]!], where), [0]);
  };

/** Zeros around places, or places taken away: one number, one for each dimension, or [before, behind] for each. */
const edges =
  (dims: number, key: "padding" | "cropping"): WiredReader =>
  (layer, [x], to, where) => {
    const { value, order } = placesOf(layer, x, dims, to, where);
    const given = setting(layer, key) ?? (key === "cropping" && dims === 2 ? 0 : 1);
    const list = Array.isArray(given) ? given : range(dims).map(() => given);
    // Of one dimension the list is its pair.
    const each = dims === 1 && Array.isArray(given) && given.length === 2 ? [given] : list;
    const signed = (n: unknown): number => (key === "padding" ? Number(n) : 0 - Number(n));
    const amounts = each.map((pair) => {
      const [before, behind] = Array.isArray(pair) ? (pair as readonly unknown[]) : [pair, pair];
      return [signed(before), signed(behind)] as const;
    });
    const layerHere = { type: "pad", amounts, mode: "zeros" } as const;
    return placedAs(to.net, to.net.add(layerHere, [value], where), order);
  };

const upSampling =
  (dims: number): WiredReader =>
  (layer, [x], to, where) => {
    const { value, order } = placesOf(layer, x, dims, to, where);
    const size = perDimension(layer, "size", dims, 2, where);
    const mode = setting(layer, "interpolation") ?? "nearest";
    if (mode !== "nearest" && mode !== "bilinear")
      return refuse(`${where}: interpolation ${brief(mode)}; known are nearest and bilinear`);
    if (mode === "bilinear" && to.version === "tfjs" && sizeOf(size) > 1) {
      refuse(
        `${where}: TensorFlow.js begins bilinear interpolation at the edge, other libraries half a place within it, as here; take nearest`,
      );
    }
    const scale = size.every((s) => s === size[0]) ? size[0]! : size;
    return placedAs(to.net, to.net.add({ type: "upsample", scale, mode }, [value], where), order);
  };

/** Layers that go over places in windows, or make more or fewer of them. */
export const windowReaders: Readonly<Record<string, WiredReader>> = {
  Conv1D: conv(1),
  Conv2D: conv(2),
  DepthwiseConv1D: depthwise(1),
  DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1),
  SeparableConv2D: separable(2),
  Conv1DTranspose: convTranspose(1),
  Conv2DTranspose: convTranspose(2),
  MaxPooling1D: pool("max", 1),
  MaxPooling2D: pool("max", 2),
  AveragePooling1D: pool("avg", 1),
  AveragePooling2D: pool("avg", 2),
  GlobalMaxPooling1D: globalPool("max", 1),
  GlobalMaxPooling2D: globalPool("max", 2),
  GlobalAveragePooling1D: globalPool("avg", 1),
  GlobalAveragePooling2D: globalPool("avg", 2),
  ZeroPadding1D: edges(1, "padding"),
  ZeroPadding2D: edges(2, "padding"),
  Cropping1D: edges(1, "cropping"),
  Cropping2D: edges(2, "cropping"),
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
};
