import { register } from "./known.ts";
import type { AnyLayerType, LayerType, Wiring } from "./layer-type.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";
import { rowLayer } from "./softmax.ts";

/** Activations that few nets want. */
export interface LateActivationSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "hardSwish" | "hardSigmoid" | "mish" | "geluTanh";
}

export interface LogSoftmaxSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "logSoftmax";
  /** Axis of one row; the last where absent. */
  readonly axis?: number;
}

/** x above 0, below it times a parameter: torch.nn.PReLU. */
export interface PreluSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "prelu";
  /** Parameters: 1 for all channels, or one for each. */
  readonly size: number;
}

/** The largest of so many neighbouring channels (Goodfellow et al., 2013). */
export interface MaxoutSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "maxout";
  /** Channels that become one. */
  readonly pieces: number;
}

/** Steps of the activations; ONNX has mish, and the tanh form of GELU, from later opsets on only. */
const onnxSteps: Readonly<Record<LateActivationSpec["type"], (c: OnnxContext) => readonly OnnxStep[]>> = {
  hardSwish: ({ inputs, output }) => [{ op: "HardSwish", inputs, output }],
  hardSigmoid: ({ inputs, output }) => [{ op: "HardSigmoid", inputs, output, floats: { alpha: 1 / 6, beta: 0.5 } }],
  mish: ({ inputs: [x], output, between }) => [
    { op: "Softplus", inputs: [x!], output: between("softplus") },
    { op: "Tanh", inputs: [between("softplus")], output: between("tanh") },
    { op: "Mul", inputs: [x!, between("tanh")], output },
  ],
  geluTanh: ({ inputs: [x], output, between, floats }) => [
    { op: "Mul", inputs: [x!, x!], output: between("square") },
    { op: "Mul", inputs: [between("square"), x!], output: between("cube") },
    { op: "Mul", inputs: [between("cube"), floats("cubic", [], () => 0.044715)], output: between("small") },
    { op: "Add", inputs: [x!, between("small")], output: between("sum") },
    {
      op: "Mul",
      inputs: [between("sum"), floats("root", [], () => Math.sqrt(2 / Math.PI))],
      output: between("scaled"),
    },
    { op: "Tanh", inputs: [between("scaled")], output: between("tanh") },
    { op: "Add", inputs: [between("tanh"), floats("one", [], () => 1)], output: between("shifted") },
    { op: "Mul", inputs: [x!, between("shifted")], output: between("twice") },
    { op: "Mul", inputs: [between("twice"), floats("half", [], () => 0.5)], output },
  ],
};

const modules = {
  hardSwish: "nn.Hardswish()",
  hardSigmoid: "nn.Hardsigmoid()",
  mish: "nn.Mish()",
  geluTanh: 'nn.GELU(approximate="tanh")',
} as const;

function simple(type: LateActivationSpec["type"]): LayerType<LateActivationSpec> {
  return {
    type,
    read(f) {
      f.only();
      return {};
    },
    shape: (_layer, [x]) => x!,
    torch: () => modules[type],
    onnx: (_layer, c) => onnxSteps[type](c),
    async forward({ g, name, lazyActivations }, _layer, [x]) {
      return g.one((await lazyActivations())[type]!.forward, [x!], { alpha: 0 }, name);
    },
  };
}

const preluLayer: LayerType<PreluSpec> = {
  type: "prelu",
  read(f) {
    f.only("size");
    return { size: f.whole("size", 1) };
  },
  shape({ size }, [x], misfit) {
    if (size !== 1 && size !== x![0]) misfit(`${size} channels on the first axis`);
    return x!;
  },
  parameters: ({ size }) => [{ key: "weight", shape: [size], role: "scale", first: 0.25 }],
  onnx: ({ size }, c) => [
    {
      op: "Reshape",
      inputs: [c.weight("weight"), c.wholes("per_channel", [size, ...c.input.slice(1).map(() => 1)])],
      output: c.between("slope"),
    },
    { op: "PRelu", inputs: [...c.inputs, c.between("slope")], output: c.output },
  ],
  torch: ({ size }) => `nn.PReLU(${size === 1 ? "" : size})`,
  async forward({ g, name, parameter, layerOps }, _layer, [x]) {
    const { prelu } = await layerOps();
    return g.one(prelu, [x!, parameter("weight")], null, name);
  },
};

const maxoutLayer: LayerType<MaxoutSpec> = {
  type: "maxout",
  read(f) {
    f.only("pieces");
    return { pieces: f.whole("pieces", undefined, 2) };
  },
  shape({ pieces }, [x], misfit) {
    if (x![0]! % pieces !== 0) misfit(`channels in groups of ${pieces}`);
    return [x![0]! / pieces, ...x!.slice(1)];
  },
  onnx: ({ pieces }, c) => [
    {
      op: "Reshape",
      inputs: [...c.inputs, c.wholes("pieces", [0, c.shape[0]!, pieces, ...c.shape.slice(1)])],
      output: c.between("grouped"),
    },
    {
      op: "ReduceMax",
      inputs: [c.between("grouped")],
      output: c.output,
      lists: { axes: [2] },
      integers: { keepdims: 0 },
    },
  ],
  torchCall: ({ pieces }, [x]) => `${x}.unflatten(1, (-1, ${pieces})).max(2).values`,
  async forward({ g, name, layerOps }, { pieces }, [x]) {
    const { maxout } = await layerOps();
    return g.one(maxout, [x!], { pieces }, name);
  },
};

const layers = {
  hardSwish: simple("hardSwish"),
  hardSigmoid: simple("hardSigmoid"),
  mish: simple("mish"),
  geluTanh: simple("geluTanh"),
  prelu: preluLayer,
  maxout: maxoutLayer,
  logSoftmax: rowLayer("logSoftmax", "logSoftmax"),
} as const;

export const lateActivationLayers: readonly AnyLayerType[] = Object.values(layers);

const plain = (type: LateActivationSpec["type"]): LateActivationSpec => {
  register(layers[type]);
  return { type };
};

/** x times hardSigmoid(x). */
export function hardSwish(): LateActivationSpec {
  return plain("hardSwish");
}

/** x / 6 + 1/2, from 0 to 1. */
export function hardSigmoid(): LateActivationSpec {
  return plain("hardSigmoid");
}

/** x tanh(softplus(x)). */
export function mish(): LateActivationSpec {
  return plain("mish");
}

/** gelu by its tanh form, as GPT-2 has it. */
export function geluTanh(): LateActivationSpec {
  return plain("geluTanh");
}

/** The logarithm of softmax, along the last axis or along `axis` of a row. */
export function logSoftmax(axis?: number): LogSoftmaxSpec {
  register(layers.logSoftmax);
  return axis === undefined ? { type: "logSoftmax" } : { type: "logSoftmax", axis };
}

/** x above 0, below it times a parameter that is trained, 0.25 at first: one for all channels, or `size` of them. */
export function prelu(size = 1): PreluSpec {
  register(layers.prelu);
  return { type: "prelu", size };
}

/** The largest of `pieces` neighbouring channels: so many times fewer channels come out. */
export function maxout(pieces: number): MaxoutSpec {
  register(layers.maxout);
  return { type: "maxout", pieces };
}
