import { type Shape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { wholeNumbers } from "./dimensions.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** Each row, or each row's last axes, to mean 0 and variance 1, then scaled and shifted: torch.nn.LayerNorm. */
export interface LayerNormSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "layerNorm";
  /** The last axis, or the last axes, that are normalised together. */
  readonly size: number | Shape;
  /** Added to the variance before the root. */
  readonly eps: number;
}

const sizes = ({ size }: LayerNormSpec): Shape => (typeof size === "number" ? [size] : size);

export const layerNormLayer: LayerType<LayerNormSpec> = {
  type: "layerNorm",
  read(f) {
    f.only("size", "eps");
    const size = Array.isArray(f.value("size")) ? wholeNumbers(f, "size") : f.whole("size");
    return { size, eps: f.number("eps", 1e-5, 1e-12, 1) };
  },
  fill: (layer, input) => ({ size: input.at(-1)!, ...layer }),
  open: "layerNorm(size)",
  wants: sizes,
  shape(layer, [x], misfit) {
    const wanted = sizes(layer);
    const last = x!.slice(-wanted.length);
    if (shapeText(last) !== shapeText(wanted)) {
      misfit(x!.length > 1 ? `${shapeText(wanted)} on the last axes` : `${sizeOf(wanted)} values`);
    }
    return x!;
  },
  parameters: (layer) => [
    { key: "weight", shape: sizes(layer), role: "scale" },
    { key: "bias", shape: sizes(layer), role: "shift" },
  ],
  async forward({ g, name, parameter, lazy, layerOps }, layer, [x]) {
    const { layerNorm } = await lazy();
    const size = sizeOf(sizes(layer));
    const plain = x!.shape.length === 2 && sizes(layer).length === 1;
    const ops = plain ? null : await layerOps();
    const as = (t: typeof x, shape: Shape, what: string) => (ops ? g.one(ops.reshape, [t!], { shape }, what) : t!);
    const scale = [parameter("weight"), parameter("bias")].map((p) => as(p, [size], p.name));
    const rows = as(x, [sizeOf(x!.shape) / size, size], `rows of ${x!.name}`);
    return as(g.one(layerNorm, [rows, ...scale], { eps: layer.eps }, name), x!.shape, name);
  },
};

/**
 * Normalises the last axis of each row to mean 0 and variance 1, then scales and shifts it by two parameters [size]; a
 * shape as `size`, so many last axes together. `eps` is added to the variance. Without `size`, or with undefined, it is as
 * wide as the layer before.
 */
export function layerNorm(size?: undefined, options?: { readonly eps?: number }): Omit<LayerNormSpec, "size">;
export function layerNorm(size: number | Shape, options?: { readonly eps?: number }): LayerNormSpec;
export function layerNorm(
  size?: number | Shape,
  { eps = 1e-5 }: { readonly eps?: number } = {},
): LayerNormSpec | Omit<LayerNormSpec, "size"> {
  return size === undefined ? { type: "layerNorm", eps } : { type: "layerNorm", size, eps };
}
