import {
  attrsOf,
  type ConvFields,
  type ConvOptions,
  channelsFit,
  convDefaults,
  FIELDS,
  nameOf,
  onnxInputs,
  onnxLists,
  parametersOf,
  readFields,
  spanOf,
  torchOptions,
  withBias,
} from "./conv-fields.ts";
import { dimensions, each, type PerDimension } from "./dimensions.ts";
import { register } from "./known.ts";
import type { LayerType } from "./layer-type.ts";
import { tuple } from "./python.ts";

/** torch.nn.ConvTranspose1d and 2d, weight [in, out / groups, ...kernel]: the input gradient of a convolution. */
export interface ConvTransposeSpec extends ConvFields {
  /** Tells it from other layers. */
  readonly type: "convTranspose1d" | "convTranspose2d";
  /** Zeros on each side. */
  readonly padding: PerDimension;
  /** Places added behind, of which the stride could not tell. */
  readonly outputPadding: PerDimension;
}

function transposeLayer(type: ConvTransposeSpec["type"], dims: number): LayerType<ConvTransposeSpec> {
  const shape: LayerType<ConvTransposeSpec>["shape"] = (layer, [x], misfit) => {
    channelsFit(layer, x!, dims, misfit);
    const stride = each(layer.stride, dims);
    const padding = each(layer.padding, dims);
    const behind = each(layer.outputPadding, dims);
    const places = spanOf(layer).map((span, d) => {
      const size = (x![d + 1]! - 1) * stride[d]! - 2 * padding[d]! + span + behind[d]!;
      if (size < 1) misfit(`more places on axis ${d + 1}: padding ${padding[d]} leaves none`);
      return size;
    });
    return [layer.out, ...places];
  };
  return {
    type,
    read(f) {
      f.only(...FIELDS, "outputPadding");
      const fields = readFields(f, dims);
      const padding = dimensions(f, "padding", dims, 0, 0);
      const outputPadding = dimensions(f, "outputPadding", dims, 0, 0);
      const most = each(fields.stride, dims).map((s, d) => Math.max(s, each(fields.dilation, dims)[d]!));
      const tooLarge = each(outputPadding, dims).find((p, d) => p >= most[d]!);
      if (tooLarge !== undefined) {
        f.bad(`"outputPadding" must be smaller than the stride or the dilation, got ${tooLarge}`);
      }
      return { ...fields, padding, outputPadding };
    },
    fill: (layer, input) => ({ in: input[0]!, ...layer }),
    // Twice as many places.
    start: () => ({ out: 16, kernel: 2, stride: 2 }),
    shape,
    parameters: (layer) => parametersOf(layer, [layer.in, layer.out / layer.groups, ...each(layer.kernel, dims)]),
    onnx: (layer, c) => [
      {
        op: "ConvTranspose",
        inputs: onnxInputs(layer, c),
        output: c.output,
        lists: { ...onnxLists(layer), output_padding: each(layer.outputPadding, dims) },
        integers: { group: layer.groups },
      },
    ],
    torch: (layer) =>
      `nn.ConvTranspose${dims}d(${layer.in}, ${layer.out}, ${tuple(layer.kernel)}${torchOptions(layer)})`,
    async forward(c, layer, [x]) {
      const { convInputGradient } = await c.layerOps();
      const [, ...places] = shape(layer, [x!.shape.slice(1)], (text) => {
        throw new TypeError(text);
      });
      const attrs = { ...attrsOf(layer), places };
      return withBias(c, layer, c.g.one(convInputGradient, [x!, c.parameter("weight")], attrs, nameOf(c, layer)));
    },
  };
}

export const convTranspose1dLayer = transposeLayer("convTranspose1d", 1);
export const convTranspose2dLayer = transposeLayer("convTranspose2d", 2);

/** How a transposed convolution is made. */
export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** Default 0. */
  readonly padding?: PerDimension;
  /** Default 0. */
  readonly outputPadding?: PerDimension;
}

/** A transposed convolution over images: what turns the places of a strided convolution back. */
export function convTranspose2d(
  out: number,
  kernel: PerDimension,
  options: ConvTransposeOptions = {},
): Omit<ConvTransposeSpec, "in"> {
  register(convTranspose2dLayer);
  return { type: "convTranspose2d", out, kernel, ...convDefaults, outputPadding: 0, ...options };
}

/** The same over signals. */
export function convTranspose1d(
  out: number,
  kernel: PerDimension,
  options: ConvTransposeOptions = {},
): Omit<ConvTransposeSpec, "in"> {
  register(convTranspose1dLayer);
  return { type: "convTranspose1d", out, kernel, ...convDefaults, outputPadding: 0, ...options };
}
