import type { Shape } from "../../core/ndarray.ts";
import { windowCount } from "../../core/window-count.ts";
import { dimensions, each, type PerDimension } from "./dimensions.ts";
import type { Fields } from "./fields.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";
import { tuple } from "./python.ts";

interface PoolFields extends Wiring {
  /** Places that it covers: one number, or one for each dimension. */
  readonly kernel: PerDimension;
  /** Places from one window to the next. */
  readonly stride: PerDimension;
  /** Zeros on each side. */
  readonly padding: PerDimension;
  /** Windows that stick out at the end count too, unless they would begin in the padding. */
  readonly ceil: boolean;
}

/** The largest value of each window: torch.nn.MaxPool1d and 2d. */
export interface MaxPoolSpec extends PoolFields {
  /** Tells it from other layers. */
  readonly type: "maxPool1d" | "maxPool2d";
  /** Places from one tap of the kernel to the next. */
  readonly dilation: PerDimension;
}

/** The mean of each window: torch.nn.AvgPool1d and 2d. */
export interface AvgPoolSpec extends PoolFields {
  /** Tells it from other layers. */
  readonly type: "avgPool1d" | "avgPool2d";
  /** Whether zeros of the padding count as values. */
  readonly countPadding: boolean;
}

type PoolSpec = MaxPoolSpec | AvgPoolSpec;

function readFields(f: Fields, dims: number): Omit<PoolFields, keyof Wiring> {
  const kernel = dimensions(f, "kernel", dims);
  const padding = dimensions(f, "padding", dims, 0, 0);
  const wide = each(padding, dims).find((p, d) => 2 * p > each(kernel, dims)[d]!);
  if (wide !== undefined)
    f.bad(`"padding" must be at most half the kernel, got ${wide}: a window must hold some value`);
  return { kernel, stride: dimensions(f, "stride", dims, kernel), padding, ceil: f.flag("ceil", false) };
}

/** Places that a pool gives, as PyTorch counts them. */
function poolShape(layer: PoolSpec, x: Shape, dims: number, misfit: (wanted: string) => never): Shape {
  if (x.length !== dims + 1) misfit(dims === 1 ? "[channels, places]" : "[channels, height, width]");
  const kernel = each(layer.kernel, dims);
  const stride = each(layer.stride, dims);
  const padding = each(layer.padding, dims);
  const dilation = each("dilation" in layer ? layer.dilation : 1, dims);
  const places = kernel.map((k, d) => {
    const span = dilation[d]! * (k - 1) + 1;
    const count = windowCount(x[d + 1]!, span, stride[d]!, [padding[d]!, padding[d]!], layer.ceil);
    if (count < 1) misfit(`more places on axis ${d + 1}: its window is ${span} wide`);
    return count;
  });
  return [x[0]!, ...places];
}

const attrsOf = (layer: PoolSpec, dims: number) => ({
  kernel: each(layer.kernel, dims),
  stride: each(layer.stride, dims),
  padding: each(layer.padding, dims),
  ceil: layer.ceil,
});

/** What PyTorch's modules take by name. */
function torchOptions({ stride, padding, ceil }: PoolSpec): string {
  const options = [
    `stride=${tuple(stride)}`,
    padding === 0 ? "" : `padding=${tuple(padding)}`,
    ceil ? "ceil_mode=True" : "",
  ];
  return options
    .filter((o) => o !== "")
    .map((o) => `, ${o}`)
    .join("");
}

/**
 * How far windows reach behind the last place on each axis, and so how much ONNX pads there. With ceil_mode ONNX Runtime
 * (1.30, opsets 13 to 21) counts windows that begin in the padding when it loads a file, and not when it runs it.
 */
function padsBehind(layer: PoolSpec, { input, shape }: OnnxContext, dilation: readonly number[]): readonly number[] {
  const { kernel, stride, padding } = attrsOf(layer, dilation.length);
  return kernel.map((k, d) => {
    const end = (shape[d + 1]! - 1) * stride[d]! + dilation[d]! * (k - 1) + 1;
    return Math.max(end - input[d + 1]! - padding[d]!, 0);
  });
}

const onnxLists = (layer: PoolSpec, dims: number, before: readonly number[], behind: readonly number[]) => {
  const { kernel, stride } = attrsOf(layer, dims);
  return { kernel_shape: kernel, strides: stride, pads: [...before, ...behind] };
};

const maxLayer = (type: MaxPoolSpec["type"], dims: number): LayerType<MaxPoolSpec> => ({
  type,
  read(f) {
    f.only("kernel", "stride", "padding", "dilation", "ceil");
    return { ...readFields(f, dims), dilation: dimensions(f, "dilation", dims, 1) };
  },
  start: () => ({ kernel: 2 }),
  shape: (layer, [x], misfit) => poolShape(layer, x!, dims, misfit),
  onnx(layer, c) {
    const { kernel, padding } = attrsOf(layer, dims);
    const dilations = each(layer.dilation, dims);
    const behind = padsBehind(layer, c, dilations);
    // Runtimes take less padding than a kernel has elements, however far apart those are.
    const written = behind.every((pad, d) => pad < kernel[d]!);
    const lists = { ...onnxLists(layer, dims, padding, written ? behind : padding), dilations };
    const integers = { ceil_mode: layer.ceil && !written ? 1 : 0 };
    return [{ op: "MaxPool", inputs: c.inputs, output: c.output, lists, integers }];
  },
  torch(layer) {
    const dilation = layer.dilation === 1 ? "" : `, dilation=${tuple(layer.dilation)}`;
    return `nn.MaxPool${dims}d(${tuple(layer.kernel)}${torchOptions(layer)}${dilation})`;
  },
  async forward({ g, name, layerOps }, layer, [x]) {
    const { maxPool } = await layerOps();
    return g.one(maxPool, [x!], { ...attrsOf(layer, dims), dilation: each(layer.dilation, dims) }, name);
  },
});

const avgLayer = (type: AvgPoolSpec["type"], dims: number): LayerType<AvgPoolSpec> => ({
  type,
  read(f) {
    f.only("kernel", "stride", "padding", "ceil", "countPadding");
    return { ...readFields(f, dims), countPadding: f.flag("countPadding", true) };
  },
  start: () => ({ kernel: 2 }),
  shape: (layer, [x], misfit) => poolShape(layer, x!, dims, misfit),
  onnx(layer, c) {
    const { padding } = attrsOf(layer, dims);
    const none = padding.map(() => 0);
    const behind = padsBehind(
      layer,
      c,
      padding.map(() => 1),
    );
    const pool = (x: string, before: readonly number[], after: readonly number[], counted: boolean): OnnxStep => ({
      ...{ op: "AveragePool", inputs: [x], output: c.output, lists: onnxLists(layer, dims, before, after) },
      integers: { ceil_mode: 0, count_include_pad: counted ? 1 : 0 },
    });
    const beyond = behind.map((pad, d) => Math.max(pad - padding[d]!, 0));
    const [x] = c.inputs as readonly [string];
    if (!layer.countPadding || beyond.every((pad) => pad === 0)) return [pool(x, padding, behind, layer.countPadding)];
    if (padding.every((pad) => pad === 0)) return [pool(x, none, behind, false)];
    // Zeros of the padding count, and what lies beyond it does not: the padding is a step of its own.
    const counting = behind.map((pad, d) => pad - beyond[d]!);
    const pads = c.wholes("pads", [0, 0, ...padding, 0, 0, ...counting]);
    const padded = c.between("padded");
    return [
      { op: "Pad", inputs: [x, pads], output: padded, texts: { mode: "constant" } },
      pool(padded, none, beyond, false),
    ];
  },
  torch(layer) {
    const counted = layer.countPadding ? "" : ", count_include_pad=False";
    return `nn.AvgPool${dims}d(${tuple(layer.kernel)}${torchOptions(layer)}${counted})`;
  },
  async forward({ g, name, layerOps }, layer, [x]) {
    const { avgPool } = await layerOps();
    return g.one(avgPool, [x!], { ...attrsOf(layer, dims), countPadding: layer.countPadding }, name);
  },
});

export const poolLayers = {
  maxPool1d: maxLayer("maxPool1d", 1),
  maxPool2d: maxLayer("maxPool2d", 2),
  avgPool1d: avgLayer("avgPool1d", 1),
  avgPool2d: avgLayer("avgPool2d", 2),
} as const;

/** How pooling is made: a number, or one for each dimension. */
export interface PoolOptions extends Wiring {
  /** Default: the kernel, so that windows lie side by side. */
  readonly stride?: PerDimension;
  /** Default 0. */
  readonly padding?: PerDimension;
  /** Default false. */
  readonly ceil?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  /** Default 1. */
  readonly dilation?: PerDimension;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Default true. */
  readonly countPadding?: boolean;
}

const common = (kernel: PerDimension) => ({ kernel, stride: kernel, padding: 0, ceil: false });

/** The largest value of each window of an image; of equal ones the first has the gradient. */
export function maxPool2d(kernel: PerDimension, options: MaxPoolOptions = {}): MaxPoolSpec {
  register(poolLayers.maxPool2d);
  return { type: "maxPool2d", ...common(kernel), dilation: 1, ...options };
}

/** The same of a signal. */
export function maxPool1d(kernel: PerDimension, options: MaxPoolOptions = {}): MaxPoolSpec {
  register(poolLayers.maxPool1d);
  return { type: "maxPool1d", ...common(kernel), dilation: 1, ...options };
}

/** The mean of each window of an image. */
export function avgPool2d(kernel: PerDimension, options: AvgPoolOptions = {}): AvgPoolSpec {
  register(poolLayers.avgPool2d);
  return { type: "avgPool2d", ...common(kernel), countPadding: true, ...options };
}

/** The same of a signal. */
export function avgPool1d(kernel: PerDimension, options: AvgPoolOptions = {}): AvgPoolSpec {
  register(poolLayers.avgPool1d);
  return { type: "avgPool1d", ...common(kernel), countPadding: true, ...options };
}
