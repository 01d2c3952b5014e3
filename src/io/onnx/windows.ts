import { samePads, spansOf, type Windows } from "../net/windows.ts";
import { brief } from "../safetensors/header.ts";
import type { Dim } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";

/** Places that padding may add; no device holds more. */
const MOST_PADDING = 65536;

/** Whole numbers of an attribute, one for each dimension; null where it has something else. */
function wholes(node: OnnxNode, key: string, usual: readonly number[], least: number): readonly number[] | null {
  const value = node.attributes.get(key) ?? usual;
  const fits = (v: unknown): boolean => Number.isInteger(v) && (v as number) >= least && (v as number) <= MOST_PADDING;
  return Array.isArray(value) && value.length === usual.length && value.every(fits) ? value : null;
}

/**
 * How the windows of a convolution or a pool lie over `places`; `kernel` is what the weight tells. A word where that cannot
 * be known.
 */
export function windowsOf(node: OnnxNode, places: readonly Dim[], kernel?: readonly number[]): Windows | string {
  const ones = places.map(() => 1);
  const size = wholes(node, "kernel_shape", kernel ?? places.map(() => 0), 1);
  const stride = wholes(node, "strides", ones, 1);
  const dilation = wholes(node, "dilations", ones, 1);
  const given = wholes(
    node,
    "pads",
    [...places, ...places].map(() => 0),
    0,
  );
  if (!size || !stride || !dilation || !given) {
    return `its kernel_shape, strides, dilations and pads must be whole numbers, for ${places.length} dimensions of places`;
  }
  if (kernel?.some((k, d) => k !== size[d])) return `its kernel_shape is not its weight's, [${kernel.join(", ")}]`;
  const bare = { kernel: size, stride, dilation, pads: ones.map(() => [0, 0] as const) };
  const auto = node.attributes.get("auto_pad") ?? "NOTSET";
  if (auto === "VALID") return bare;
  if (auto === "NOTSET" || auto === "")
    return { ...bare, pads: ones.map((_, d) => [given[d]!, given[d + places.length]!] as const) };
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") return `auto_pad ${brief(auto)} is unknown`;
  if (!places.every((d) => typeof d === "number")) return `auto_pad ${auto} of places whose number is not known`;
  const spans = spansOf(bare);
  const pads = places.map((d, i) => samePads(d as number, spans[i]!, stride[i]!, auto === "SAME_LOWER"));
  return { ...bare, pads };
}

/** What a transposed convolution takes off before and behind, and adds behind; a word where that cannot be known. */
export function transposedWindowsOf(
  node: OnnxNode,
  places: readonly Dim[],
  kernel: readonly number[],
): { readonly windows: Windows; readonly added: readonly number[] } | string {
  const auto = node.attributes.get("auto_pad") ?? "NOTSET";
  const zeros = places.map(() => 0);
  const added = wholes(node, "output_padding", zeros, 0);
  const shape = node.attributes.get("output_shape");
  const plain = { ...node, attributes: new Map([...node.attributes].filter(([key]) => key !== "auto_pad")) };
  const windows = windowsOf(plain, places, kernel);
  if (typeof windows === "string") return windows;
  if (!added) return "its output_padding must be a whole number for each dimension";
  const same = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  if (auto === "VALID") return { windows: { ...windows, pads: zeros.map(() => [0, 0] as const) }, added };
  if (shape === undefined && !same) return { windows, added };
  if (!places.every((d) => typeof d === "number")) return "its output's places, where those of the input are not known";
  const spans = spansOf(windows);
  const sizes = places as readonly number[];
  const wanted = shape === undefined ? sizes.map((d, i) => d * windows.stride[i]!) : shape;
  if (!Array.isArray(wanted) || wanted.length !== places.length) return `output_shape ${brief(shape)}`;
  const pads = sizes.map((size, i): readonly [number, number] => {
    const total = (size - 1) * windows.stride[i]! + spans[i]! + added[i]! - wanted[i]!;
    const less = Math.floor(Math.max(total, 0) / 2);
    const more = Math.max(total, 0) - less;
    // Without auto_pad, and with SAME_LOWER, the odd place is taken off before.
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  });
  const short = sizes.map((size, i) => wanted[i]! - ((size - 1) * windows.stride[i]! + spans[i]! + added[i]!));
  return { windows: { ...windows, pads }, added: added.map((a, i) => a + Math.max(short[i]!, 0)) };
}
