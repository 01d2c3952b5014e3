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

/** Slides a kernel over the places of each image or signal: torch.nn.Conv1d and Conv2d, weight [out, in / groups, ...kernel]. */
export interface ConvSpec extends ConvFields {
  /** Tells it from other layers. */
  readonly type: "conv1d" | "conv2d";
  /** Zeros on each side; "same" keeps the places at stride 1, an odd one going behind. */
  readonly padding: PerDimension | "same";
}

function convLayer(type: ConvSpec["type"], dims: number): LayerType<ConvSpec> {
  return {
    type,
    read(f) {
      f.only(...FIELDS);
      const fields = readFields(f, dims);
      const padding = f.value("padding") === "same" ? "same" : dimensions(f, "padding", dims, 0, 0);
      if (padding === "same" && each(fields.stride, dims).some((s) => s !== 1)) {
        f.bad('"padding": "same" keeps the places, which takes stride 1');
      }
      return { ...fields, padding };
    },
    fill: (layer, input) => ({ in: input[0]!, ...layer }),
    // A kernel that keeps the places.
    start: () => ({ out: 16, kernel: 3, padding: 1 }),
    shape(layer, [x], misfit) {
      channelsFit(layer, x!, dims, misfit);
      const { stride, padding } = attrsOf(layer);
      const places = spanOf(layer).map((span, d) => {
        const size = x![d + 1]! + padding[d]![0] + padding[d]![1];
        if (span > size) misfit(`${span} places or more on axis ${d + 1} (kernel ${span}, padding counted)`);
        return Math.floor((size - span) / stride[d]!) + 1;
      });
      return [layer.out, ...places];
    },
    parameters: (layer) => parametersOf(layer, [layer.out, layer.in / layer.groups, ...each(layer.kernel, dims)]),
    onnx: (layer, c) => [
      {
        op: "Conv",
        inputs: onnxInputs(layer, c),
        output: c.output,
        lists: onnxLists(layer),
        integers: { group: layer.groups },
      },
    ],
    torch: (layer) => `nn.Conv${dims}d(${layer.in}, ${layer.out}, ${tuple(layer.kernel)}${torchOptions(layer)})`,
    async forward(c, layer, [x]) {
      const { conv } = await c.layerOps();
      return withBias(c, layer, c.g.one(conv, [x!, c.parameter("weight")], attrsOf(layer), nameOf(c, layer)));
    },
  };
}

export const conv1dLayer = convLayer("conv1d", 1);
export const conv2dLayer = convLayer("conv2d", 2);

/**
 * A convolution over images: from x [batch, in, height, width] to `out` channels, by a kernel of one size or
 * [height, width]. Channels of the input are those that the layer before gives.
 */
export function conv2d(out: number, kernel: PerDimension, options: ConvOptions = {}): Omit<ConvSpec, "in"> {
  register(conv2dLayer);
  return { type: "conv2d", out, kernel, ...convDefaults, ...options };
}

/** The same over signals x [batch, in, places]. */
export function conv1d(out: number, kernel: PerDimension, options: ConvOptions = {}): Omit<ConvSpec, "in"> {
  register(conv1dLayer);
  return { type: "conv1d", out, kernel, ...convDefaults, ...options };
}
