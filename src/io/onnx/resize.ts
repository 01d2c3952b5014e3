import { brief } from "../safetensors/header.ts";
import { type Constant, numbersOf } from "./constants.ts";
import type { Dim } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";

interface Known {
  constant(name: string | undefined): Constant | undefined;
  numbers(name: string | undefined): readonly Dim[] | null;
}

/** Growth of each axis, batch included, of Resize or Upsample; null where it is not known. */
export function resizeScales(node: OnnxNode, of: readonly Dim[], place: Known): readonly number[] | null {
  const rank = of.length;
  const list = (value: unknown): readonly number[] | null =>
    Array.isArray(value) && value.length === rank && value.every((v) => typeof v === "number" && v > 0) ? value : null;
  if (node.op === "Upsample") return list(node.attributes.get("scales") ?? numbersOf(place.constant(node.inputs[1])));
  // Until opset 10 scales were the second input, since then the third; sizes may stand in their place.
  const at = node.inputs.length === 2 ? 1 : 2;
  const scales = list(numbersOf(place.constant(node.inputs[at])));
  if (scales) return scales;
  const sizes = place.numbers(node.inputs[3]);
  if (sizes?.length !== rank) return null;
  return list(sizes.map((size, i) => (i === 0 ? 1 : typeof size === "number" ? size / Number(of[i]) : null)));
}

/** How Resize fills new places here; a word for a way that no layer has. `sizes` are those of the places before. */
export function resizeMode(
  node: OnnxNode,
  sizes: readonly number[],
  scales: readonly number[],
): { readonly mode: "nearest" | "bilinear" } | string {
  const text = (key: string, usual: string): string => {
    const value = node.attributes.get(key) ?? usual;
    return typeof value === "string" ? value : brief(value);
  };
  const mode = text("mode", "nearest");
  const old = node.op === "Upsample" || node.inputs.length === 2;
  const coordinates = old ? "asymmetric" : text("coordinate_transformation_mode", "half_pixel");
  if (mode === "nearest") {
    const rounding = old ? "floor" : text("nearest_mode", "round_prefer_floor");
    const place = nearest(coordinates, rounding);
    const same = (scale: number, d: number): boolean =>
      Array.from({ length: Math.min(scale * sizes[d]!, 64) }, (_, x) => x).every(
        (x) => Math.min(Math.max(place(x, scale), 0), sizes[d]! - 1) === Math.floor(x / scale),
      );
    return scales.every(same) ? { mode } : `the coordinates ${coordinates} with nearest_mode ${rounding}`;
  }
  if (mode !== "linear" && mode !== "bilinear") return `the mode ${brief(mode)}`;
  const one = scales.every((scale) => scale === 1);
  const half = coordinates === "half_pixel" || coordinates === "pytorch_half_pixel";
  return half || one ? { mode: "bilinear" } : `the coordinates ${coordinates}`;
}

/** Which old place a new one is filled from. */
function nearest(coordinates: string, rounding: string): (x: number, scale: number) => number {
  const from: Partial<Record<string, (x: number, scale: number) => number>> = {
    asymmetric: (x, scale) => x / scale,
    half_pixel: (x, scale) => (x + 0.5) / scale - 0.5,
    pytorch_half_pixel: (x, scale) => (x + 0.5) / scale - 0.5,
    tf_half_pixel_for_nn: (x, scale) => (x + 0.5) / scale,
  };
  const round: Partial<Record<string, (x: number) => number>> = {
    floor: Math.floor,
    ceil: Math.ceil,
    round_prefer_floor: (x) => Math.ceil(x - 0.5),
    round_prefer_ceil: (x) => Math.floor(x + 0.5),
  };
  const [at, to] = [from[coordinates], round[rounding]];
  return (x, scale) => (at && to ? to(at(x, scale)) : Number.NaN);
}
