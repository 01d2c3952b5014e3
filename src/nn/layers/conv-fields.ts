import type { Shape } from "../../core/ndarray.ts";
import type { Tensor } from "../../graph/graph.ts";
import { dimensions, each, type PerDimension } from "./dimensions.ts";
import type { Fields } from "./fields.ts";
import type { ForwardContext, LayerParameter, Wiring } from "./layer-type.ts";
import type { OnnxContext } from "./onnx-step.ts";
import { python, tuple } from "./python.ts";

/** What convolutions and their transposes share. */
export interface ConvFields extends Wiring {
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

/** A convolution or a transposed one. */
interface AnyConv extends ConvFields {
  readonly type: string;
  readonly padding: PerDimension | "same";
  readonly outputPadding?: PerDimension;
}

export const dimensionsOf = ({ type }: { readonly type: string }): number => (type.endsWith("1d") ? 1 : 2);

/** Zeros before and behind, for each dimension of places. */
function paddingOf(layer: AnyConv): readonly (readonly [number, number])[] {
  const dims = dimensionsOf(layer);
  if (layer.padding !== "same") return each(layer.padding, dims).map((p) => [p, p] as const);
  const dilation = each(layer.dilation, dims);
  return each(layer.kernel, dims).map((k, d) => {
    const total = dilation[d]! * (k - 1);
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const;
  });
}

export const attrsOf = (layer: AnyConv) => {
  const dims = dimensionsOf(layer);
  return {
    stride: each(layer.stride, dims),
    padding: paddingOf(layer),
    dilation: each(layer.dilation, dims),
    groups: layer.groups,
  };
};

/** Places that a kernel covers, gaps included. */
export const spanOf = (layer: ConvFields & { readonly type: string }): readonly number[] => {
  const dilation = each(layer.dilation, dimensionsOf(layer));
  return each(layer.kernel, dimensionsOf(layer)).map((k, d) => dilation[d]! * (k - 1) + 1);
};

export function readFields(f: Fields, dims: number): Omit<ConvFields, keyof Wiring> {
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

/** Names of those fields. */
export const FIELDS = ["in", "out", "kernel", "stride", "padding", "dilation", "groups", "bias"];
/** A row that a layer takes, for messages: "[8, height, width]". */
const wanted = (channels: number, dims: number): string =>
  dims === 1 ? `[${channels}, places]` : `[${channels}, height, width]`;

export function channelsFit(layer: ConvFields, x: Shape, dims: number, misfit: (wanted: string) => never): void {
  if (x.length !== dims + 1 || x[0] !== layer.in) misfit(wanted(layer.in, dims));
}

export function parametersOf(layer: ConvFields & { readonly type: string }, shape: Shape): readonly LayerParameter[] {
  const places = each(layer.kernel, dimensionsOf(layer)).reduce((a, b) => a * b, 1);
  // As PyTorch counts them, from the weight's own first two axes.
  const fan = [shape[1]! * places, shape[0]! * places] as const;
  return [
    { key: "weight", shape, role: "weight", fan },
    ...(layer.bias ? [{ key: "bias", shape: [layer.out], role: "bias" } as const] : []),
  ];
}

export async function withBias(c: ForwardContext, layer: ConvFields, y: Tensor): Promise<Tensor> {
  if (!layer.bias) return y;
  const { addChannelBias } = await c.layerOps();
  return c.g.one(addChannelBias, [y, c.parameter("bias")], null, c.name);
}

export const nameOf = (c: ForwardContext, layer: ConvFields): string =>
  layer.bias ? `${c.name} without bias` : c.name;

/** What PyTorch's modules take by name, defaults left out. */
export function torchOptions(layer: AnyConv): string {
  const { stride, padding, dilation, groups, bias } = layer;
  const options: [string, string | null][] = [
    ["stride", stride === 1 ? null : tuple(stride)],
    ["padding", padding === 0 ? null : padding === "same" ? '"same"' : tuple(padding)],
    [
      "output_padding",
      layer.outputPadding === undefined || layer.outputPadding === 0 ? null : tuple(layer.outputPadding),
    ],
    ["dilation", dilation === 1 ? null : tuple(dilation)],
    ["groups", groups === 1 ? null : `${groups}`],
    ["bias", bias ? null : python(bias)],
  ];
  return options.flatMap(([key, value]) => (value === null ? [] : [`, ${key}=${value}`])).join("");
}

/** Attributes of ONNX's Conv and ConvTranspose. Paddings are written out: runtimes forget dilation in auto_pad. */
export function onnxLists(layer: AnyConv): Readonly<Record<string, readonly number[]>> {
  const { stride, padding, dilation } = attrsOf(layer);
  const pads = [...padding.map(([before]) => before), ...padding.map(([, behind]) => behind)];
  return { kernel_shape: each(layer.kernel, dimensionsOf(layer)), strides: stride, pads, dilations: dilation };
}

export const onnxInputs = (layer: ConvFields, { inputs, weight }: OnnxContext): readonly string[] => [
  ...inputs,
  weight("weight"),
  ...(layer.bias ? [weight("bias")] : []),
];

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

/** What a convolution's settings are where they are left out. */
export const convDefaults = { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true } as const;
