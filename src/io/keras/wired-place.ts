import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { Branch, type Parts } from "../net/branch.ts";
import type { WiredNet } from "../net/wired-net.ts";
import { refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import type { Placed } from "./placed.ts";
import type { Version } from "./version.ts";
import type { WeightSource } from "./weights.ts";

/** A net of any wiring while its layers are read. */
export interface WiredKeras {
  readonly net: WiredNet;
  readonly weights: WeightSource;
  readonly version: Version;
}

/** Adds what a layer is here, and gives what it gives. */
export type WiredReader = (
  layer: KerasLayer,
  given: readonly [Placed, ...Placed[]],
  to: WiredKeras,
  where: string,
) => Placed;

/** Layers that work on each number by itself: they leave everything where it lies. */
export function moved(x: Placed, net: WiredNet, add: (parts: Parts) => void): Placed {
  const parts = new Branch(net, x.value);
  add(parts);
  return { ...x, value: parts.value };
}

export const added = (x: Placed, net: WiredNet, layer: LayerSpec, where: string): Placed =>
  moved(x, net, (parts) => parts.add(layer, where));

/** What a setting says, under the name that Python has for it or the one of JavaScript. */
export function setting({ config }: KerasLayer, key: string): unknown {
  return config[key] ?? config[key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
}

export function formatOf(layer: KerasLayer, where: string): "channels_first" | "channels_last" {
  const format = setting(layer, "data_format") ?? "channels_last";
  if (format !== "channels_last" && format !== "channels_first") {
    return refuse(`${where}: data_format must be channels_last or channels_first, got ${brief(format)}`);
  }
  return format;
}

/** One number for each dimension of places; one stands for all. What is missing is the fallback. */
export function perDimension(
  layer: KerasLayer,
  key: string,
  dims: number,
  fallback: number,
  where: string,
): readonly number[] {
  const value = setting(layer, key) ?? fallback;
  const list = Array.isArray(value) ? (value as readonly unknown[]) : Array.from({ length: dims }, () => value);
  const fits = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 1 && (v as number) <= 65536;
  if (list.length !== dims || !list.every(fits)) {
    return refuse(`${where}: ${key} must be a whole number from 1, or ${dims} of them, got ${brief(value)}`);
  }
  return list;
}

/** The array with its axes in another order, f32. */
export function turned(array: NdArray, order: readonly number[], net: WiredNet, where: string): NdArray {
  const { shape } = array;
  if (shape.length !== order.length)
    refuse(`${where}: expected a kernel of ${order.length} axes, got ${shapeText(shape)}`);
  net.claim(sizeOf(shape), where);
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const out = zeros(
    order.map((axis) => shape[axis]!),
    "f32",
  );
  const steps = order.map((axis) => strides[axis]!);
  for (let i = 0; i < out.data.length; i++) {
    let at = 0;
    for (let k = order.length - 1, rest = i; k >= 0; k--) {
      at += (rest % out.shape[k]!) * steps[k]!;
      rest = Math.floor(rest / out.shape[k]!);
    }
    out.data[i] = array.data[at]!;
  }
  return out;
}

/** A vector that a layer must have as many numbers of. */
export function vector(array: NdArray, size: number, net: WiredNet, where: string): NdArray {
  if (sizeOf(array.shape) !== size)
    refuse(`${where}: expected ${size} values, got an array of ${shapeText(array.shape)}`);
  net.claim(size, where);
  return { ...array, shape: [size] };
}
