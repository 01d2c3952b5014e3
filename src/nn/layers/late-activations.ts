import { register } from "./known.ts";
import type { AnyLayerType, LayerType, Wiring } from "./layer-type.ts";
import { rowLayer } from "./softmax.ts";

/** Activations that few nets want. */
export interface LateActivationSpec extends Wiring {
  readonly type: "hardSwish" | "hardSigmoid" | "mish" | "geluTanh";
}

export interface LogSoftmaxSpec extends Wiring {
  readonly type: "logSoftmax";
  /** Axis of one row; the last where absent. */
  readonly axis?: number;
}

/** x above 0, below it times a parameter: torch.nn.PReLU. */
export interface PreluSpec extends Wiring {
  readonly type: "prelu";
  /** Parameters: 1 for all channels, or one for each. */
  readonly size: number;
}

/** The largest of so many neighbouring channels (Goodfellow et al., 2013). */
export interface MaxoutSpec extends Wiring {
  readonly type: "maxout";
  readonly pieces: number;
}

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
