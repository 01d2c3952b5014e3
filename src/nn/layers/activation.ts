import { type ActivationName, activationNames } from "../../ops/names.ts";
import type { AnyLayerType, LayerType, Wiring } from "./layer-type.ts";

export interface LeakyReluSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "leakyRelu";
  /** What x is multiplied by, below 0. */
  readonly slope: number;
}

export interface EluSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "elu";
  /** What exp(x) - 1 is multiplied by, below 0. */
  readonly alpha: number;
}

/** An activation without a number of its own. */
export interface PlainActivationSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: Exclude<ActivationName, "leakyRelu" | "elu">;
}

/** An activation's layer: `key` is the field that holds its number, where it has one. */
function activationLayer(type: ActivationName, key?: string, fallback = 0, low = 0, high = 0): AnyLayerType {
  const layer: LayerType<Readonly<Record<string, unknown>>> = {
    type,
    read(f) {
      f.only(...(key ? [key] : []));
      return key ? { [key]: f.number(key, fallback, low, high) } : {};
    },
    shape: (_layer, [x]) => x!,
    forward: ({ g, ops, name }, own, [x]) =>
      g.one(ops.activations[type]!.forward, [x!], { alpha: key ? (own[key] as number) : 0 }, name),
  };
  return layer;
}

export const activationLayers: readonly AnyLayerType[] = activationNames.map((type) => {
  if (type === "leakyRelu") return activationLayer(type, "slope", 0.01, 0, 1);
  return type === "elu" ? activationLayer(type, "alpha", 1, 1e-6, 1e6) : activationLayer(type);
});

const plain = (type: PlainActivationSpec["type"]): PlainActivationSpec => ({ type });

/** max(0, x). */
export function relu(): PlainActivationSpec {
  return plain("relu");
}

/** max(0, x), and no more than 6. */
export function relu6(): PlainActivationSpec {
  return plain("relu6");
}

/** x above 0, slope x below. */
export function leakyRelu(slope = 0.01): LeakyReluSpec {
  return { type: "leakyRelu", slope };
}

/** x above 0, alpha (exp(x) - 1) below. */
export function elu(alpha = 1): EluSpec {
  return { type: "elu", alpha };
}

/** 1.0507 x above 0, 1.7581 (exp(x) - 1) below: keeps values at mean 0 and variance 1 (Klambauer et al., 2017). */
export function selu(): PlainActivationSpec {
  return plain("selu");
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(): PlainActivationSpec {
  return plain("sigmoid");
}

/** The hyperbolic tangent. */
export function tanh(): PlainActivationSpec {
  return plain("tanh");
}

/** log(1 + exp(x)). */
export function softplus(): PlainActivationSpec {
  return plain("softplus");
}

/** x times the normal distribution's share below x, computed exactly (by erf). */
export function gelu(): PlainActivationSpec {
  return plain("gelu");
}

/** x sigmoid(x), also called swish. */
export function silu(): PlainActivationSpec {
  return plain("silu");
}
