import { dimensions, each, type PerDimension } from "./dimensions.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import { tuple } from "./python.ts";

/** Means of as many windows as `out` says: torch.nn.AdaptiveAvgPool1d and 2d. */
export interface AdaptiveAvgPoolSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "adaptiveAvgPool1d" | "adaptiveAvgPool2d";
  /** Width, or channels, that it gives. */
  readonly out: PerDimension;
}

/** What each of `size` places has in the mean of each of `out` windows: [size, out] by columns, else [out, size]. */
function shareOf(size: number, out: number, byColumns: boolean): (i: number) => number {
  const share = (place: number, window: number): number => {
    const begin = Math.floor((window * size) / out);
    const end = Math.ceil(((window + 1) * size) / out);
    return place >= begin && place < end ? 1 / (end - begin) : 0;
  };
  return (i) => (byColumns ? share(Math.floor(i / out), i % out) : share(i % size, Math.floor(i / size)));
}

const adaptiveLayer = (type: AdaptiveAvgPoolSpec["type"], dims: number): LayerType<AdaptiveAvgPoolSpec> => ({
  type,
  read(f) {
    f.only("out");
    return { out: dimensions(f, "out", dims) };
  },
  shape(layer, [x], misfit) {
    if (x!.length !== dims + 1) misfit(dims === 1 ? "[channels, places]" : "[channels, height, width]");
    return [x![0]!, ...each(layer.out, dims)];
  },
  onnx(layer, c) {
    const out = each(layer.out, dims);
    if (out.every((size) => size === 1)) return [{ op: "GlobalAveragePool", inputs: c.inputs, output: c.output }];
    // Windows of different sizes are no op of ONNX: a product with a matrix of shares along each axis is the same.
    const places = c.input.slice(1);
    const last = dims - 1;
    const width = c.floats("shares", [places[last]!, out[last]!], shareOf(places[last]!, out[last]!, true));
    if (dims === 1) return [{ op: "MatMul", inputs: [c.inputs[0]!, width], output: c.output }];
    const height = c.floats("shares_of_rows", [out[0]!, places[0]!], shareOf(places[0]!, out[0]!, false));
    return [
      { op: "MatMul", inputs: [c.inputs[0]!, width], output: c.between("rows") },
      { op: "MatMul", inputs: [height, c.between("rows")], output: c.output },
    ];
  },
  torch: (layer) => `nn.AdaptiveAvgPool${dims}d(${tuple(layer.out)})`,
  async forward({ g, name, layerOps }, layer, [x]) {
    const { adaptiveAvgPool } = await layerOps();
    return g.one(adaptiveAvgPool, [x!], { out: each(layer.out, dims) }, name);
  },
});

export const adaptivePoolLayers = {
  adaptiveAvgPool1d: adaptiveLayer("adaptiveAvgPool1d", 1),
  adaptiveAvgPool2d: adaptiveLayer("adaptiveAvgPool2d", 2),
} as const;

/** Means of `out` x `out` windows that cover an image of any size; 1 is the mean of each channel. */
export function adaptiveAvgPool2d(out: PerDimension): AdaptiveAvgPoolSpec {
  register(adaptivePoolLayers.adaptiveAvgPool2d);
  return { type: "adaptiveAvgPool2d", out };
}

/** The same of a signal. */
export function adaptiveAvgPool1d(out: PerDimension): AdaptiveAvgPoolSpec {
  register(adaptivePoolLayers.adaptiveAvgPool1d);
  return { type: "adaptiveAvgPool1d", out };
}
