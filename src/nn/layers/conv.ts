import type { Shape } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { dimensions, each, type PerDimension } from "./dimensions.ts";
import type { Fields } from "./fields.ts";
import { register } from "./known.ts";
import type { ForwardContext, LayerParameter, LayerType, Wiring } from "./layer-type.ts";
import type { OnnxContext } from "./onnx-step.ts";
import { python, tuple } from "./python.ts";

/** What convolutions and their transposes share. */
interface ConvFields extends Wiring {
  /** Channels. */
  readonly in: number;
  /** Width, or channels, that it gives. */
  readonly out: number;
  /** Places that it covers: one number, or one for each dimension. */
  readonly kernel: PerDimension;
  /** Places from one window to the next. */
  readonly stride: PerDimension;
  /** Places from one tap of the kernel to the next. */
  readonly dilation: PerDimension;
  /** Groups of channels that do not see each other. */
  readonly groups: number;
  /** Whether a parameter [out] is added. */
  readonly bias: boolean;
}

/** Slides a kernel over the places of each image or signal: torch.nn.Conv1d and Conv2d, weight [out, in / groups, ...kernel]. */
export interface ConvSpec extends ConvFields {
  /** Tells it from other layers. */
  readonly type: "conv1d" | "conv2d";
  /** Zeros on each side; "same" keeps the places at stride 1, an odd one going behind. */
  readonly padding: PerDimension | "same";
}

/** torch.nn.ConvTranspose1d and 2d, weight [in, out / groups, ...kernel]: the input gradient of a convolution. */
export interface ConvTransposeSpec extends ConvFields {
  /** Tells it from other layers. */
  readonly type: "convTranspose1d" | "convTranspose2d";
  /** Zeros on each side. */
  readonly padding: PerDimension;
  /** Places added behind, of which the stride could not tell. */
  readonly outputPadding: PerDimension;
}

const dimensionsOf = ({ type }: { readonly type: string }): number => (type.endsWith("1d") ? 1 : 2);

/** Zeros before and behind, for each dimension of places. */
function paddingOf(layer: ConvSpec | ConvTransposeSpec): readonly (readonly [number, number])[] {
  const dims = dimensionsOf(layer);
  if (layer.padding !== "same") return each(layer.padding, dims).map((p) => [p, p] as const);
  const dilation = each(layer.dilation, dims);
  return each(layer.kernel, dims).map((k, d) => {
    const total = dilation[d]! * (k - 1);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  });
}

const attrsOf = (layer: ConvSpec | ConvTransposeSpec) => {
  const dims = dimensionsOf(layer);
  return {
    stride: each(layer.stride, dims),
    padding: paddingOf(layer),
    dilation: each(layer.dilation, dims),
    groups: layer.groups,
  };
};

/** Places that a kernel covers, gaps included. */
const spanOf = (layer: ConvFields & { readonly type: string }): readonly number[] => {
  const dilation = each(layer.dilation, dimensionsOf(layer));
  return each(layer.kernel, dimensionsOf(layer)).map((k, d) => dilation[d]! * (k - 1) + 1);
};

function readFields(f: Fields, dims: number): Omit<ConvFields, keyof Wiring> {
  const fields = {
    in: f.whole("in"),
    out: f.whole("out"),
    kernel: dimensions(f, "kernel", dims),
    stride: dimensions(f, "stride", dims, 1),
    dilation: dimensions(f, "dilation", dims, 1),
    groups: f.whole("groups", 1),
    bias: f.flag("bias", true),
  };
  for (const key of ["in", "out"] as const) {
    if (fields[key] % fields.groups !== 0) {
      f.bad(`"groups" must divide "in" and "out", and ${fields.groups} does not divide ${fields[key]}`);
    }
  }
  return fields;
}

const FIELDS = ["in", "out", "kernel", "stride", "padding", "dilation", "groups", "bias"];
/** A row that a layer takes, for messages: "[8, height, width]". */
const wanted = (channels: number, dims: number): string =>
  dims === 1 ? `[${channels}, places]` : `[${channels}, height, width]`;

function channelsFit(layer: ConvFields, x: Shape, dims: number, misfit: (wanted: string) => never): void {
  if (x.length !== dims + 1 || x[0] !== layer.in) misfit(wanted(layer.in, dims));
}

function parametersOf(layer: ConvFields & { readonly type: string }, shape: Shape): readonly LayerParameter[] {
  const places = each(layer.kernel, dimensionsOf(layer)).reduce((a, b) => a * b, 1);
  // As PyTorch counts them, from the weight's own first two axes.
  const fan = [shape[1]! * places, shape[0]! * places] as const;
  return [
    { key: "weight", shape, role: "weight", fan },
    ...(layer.bias ? [{ key: "bias", shape: [layer.out], role: "bias" } as const] : []),
  ];
}

async function withBias(c: ForwardContext, layer: ConvFields, y: Tensor): Promise<Tensor> {
  if (!layer.bias) return y;
  const { addChannelBias } = await c.layerOps();
  return c.g.one(addChannelBias, [y, c.parameter("bias")], null, c.name);
}

const nameOf = (c: ForwardContext, layer: ConvFields): string => (layer.bias ? `${c.name} without bias` : c.name);

/** What PyTorch's modules take by name, defaults left out. */
function torchOptions(layer: ConvSpec | ConvTransposeSpec): string {
  const { stride, padding, dilation, groups, bias } = layer;
  const options: [string, string | null][] = [
    ["stride", stride === 1 ? null : tuple(stride)],
    ["padding", padding === 0 ? null : padding === "same" ? '"same"' : tuple(padding)],
    ["output_padding", "outputPadding" in layer && layer.outputPadding !== 0 ? tuple(layer.outputPadding) : null],
    ["dilation", dilation === 1 ? null : tuple(dilation)],
    ["groups", groups === 1 ? null : `${groups}`],
    ["bias", bias ? null : python(bias)],
  ];
  return options.flatMap(([key, value]) => (value === null ? [] : [`, ${key}=${value}`])).join("");
}

/** Attributes of ONNX's Conv and ConvTranspose. Paddings are written out: runtimes forget dilation in auto_pad. */
function onnxLists(layer: ConvSpec | ConvTransposeSpec): Readonly<Record<string, readonly number[]>> {
  const { stride, padding, dilation } = attrsOf(layer);
  const pads = [...padding.map(([before]) => before), ...padding.map(([, behind]) => behind)];
  return { kernel_shape: each(layer.kernel, dimensionsOf(layer)), strides: stride, pads, dilations: dilation };
}

const onnxInputs = (layer: ConvFields, { inputs, weight }: OnnxContext): readonly string[] => [
  ...inputs,
  weight("weight"),
  ...(layer.bias ? [weight("bias")] : []),
];

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

export const convLayers = {
  conv1d: convLayer("conv1d", 1),
  conv2d: convLayer("conv2d", 2),
  convTranspose1d: transposeLayer("convTranspose1d", 1),
  convTranspose2d: transposeLayer("convTranspose2d", 2),
} as const;

/** How a convolution is made: a number, or one for each dimension. */
export interface ConvOptions extends Wiring {
  /** Default 1. */
  readonly stride?: PerDimension;
  /** Default 0. */
  readonly padding?: PerDimension | "same";
  /** Default 1. */
  readonly dilation?: PerDimension;
  /** Default 1. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
}

/** How a transposed convolution is made. */
export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** Default 0. */
  readonly padding?: PerDimension;
  /** Default 0. */
  readonly outputPadding?: PerDimension;
}

/** A convolution whose channels of the input are left to sequential(). */
export type OpenConv = Omit<ConvSpec, "in"> | Omit<ConvTransposeSpec, "in">;

const defaults = { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true } as const;

/**
 * A convolution over images: from x [batch, in, height, width] to `out` channels, by a kernel of one size or
 * [height, width]. Channels of the input are those that the layer before gives.
 */
export function conv2d(out: number, kernel: PerDimension, options: ConvOptions = {}): Omit<ConvSpec, "in"> {
  register(convLayers.conv2d);
  return { type: "conv2d", out, kernel, ...defaults, ...options };
}

/** The same over signals x [batch, in, places]. */
export function conv1d(out: number, kernel: PerDimension, options: ConvOptions = {}): Omit<ConvSpec, "in"> {
  register(convLayers.conv1d);
  return { type: "conv1d", out, kernel, ...defaults, ...options };
}

/** A transposed convolution over images: what turns the places of a strided convolution back. */
export function convTranspose2d(
  out: number,
  kernel: PerDimension,
  options: ConvTransposeOptions = {},
): Omit<ConvTransposeSpec, "in"> {
  register(convLayers.convTranspose2d);
  return { type: "convTranspose2d", out, kernel, ...defaults, outputPadding: 0, ...options };
}

/** The same over signals. */
export function convTranspose1d(
  out: number,
  kernel: PerDimension,
  options: ConvTransposeOptions = {},
): Omit<ConvTransposeSpec, "in"> {
  register(convLayers.convTranspose1d);
  return { type: "convTranspose1d", out, kernel, ...defaults, outputPadding: 0, ...options };
}
