import { ChainruleError } from "../core/errors.ts";
import type { ActivationName } from "../ops/names.ts";
import { type LayerSpec, type ModelSpec, parseModel } from "./model.ts";

type Linear = Extract<LayerSpec, { type: "linear" }>;
type LayerNorm = Extract<LayerSpec, { type: "layerNorm" }>;
type Plain = Exclude<ActivationName, "leakyRelu" | "elu">;

/** A layer whose width is left to sequential(): it is as wide as what comes before it. */
export type OpenLayer = Omit<Linear, "in"> | Omit<LayerNorm, "size">;

/** How a linear layer is made. */
export interface LinearOptions {
  /** Whether a bias [out] is added; true by default. */
  readonly bias?: boolean;
}

/**
 * y = x W + b: from x [batch, in] to y [batch, out], with W [in, out] and b [out]. `linear(64)` leaves `in` to
 * sequential(), which takes it from the layer before; the first layer of a model needs both.
 */
export function linear(out: number, options?: LinearOptions): Omit<Linear, "in">;
export function linear(inputs: number, out: number, options?: LinearOptions): Linear;
export function linear(
  first: number,
  second?: number | LinearOptions,
  third?: LinearOptions,
): Linear | Omit<Linear, "in"> {
  if (typeof second === "number") return { type: "linear", in: first, out: second, bias: third?.bias ?? true };
  return { type: "linear", out: first, bias: second?.bias ?? true };
}

/**
 * Normalises each row to mean 0 and variance 1, then scales and shifts it by two parameters [size]. `eps` is added to the
 * variance. Without `size`, or with undefined, it is as wide as the layer before.
 */
export function layerNorm(size?: undefined, options?: { readonly eps?: number }): Omit<LayerNorm, "size">;
export function layerNorm(size: number, options?: { readonly eps?: number }): LayerNorm;
export function layerNorm(
  size?: number,
  { eps = 1e-5 }: { readonly eps?: number } = {},
): LayerNorm | Omit<LayerNorm, "size"> {
  return size === undefined ? { type: "layerNorm", eps } : { type: "layerNorm", size, eps };
}

/** While training, sets each value to 0 with probability `p` and scales the rest by 1 / (1 - p). p is in [0, 1). */
export function dropout(p = 0.5): LayerSpec {
  return { type: "dropout", p };
}

/** exp(x) over its sum, row by row. The loss crossEntropy has it within itself: leave it out before that. */
export function softmax(): LayerSpec {
  return { type: "softmax" };
}

/** max(0, x). */
export function relu(): LayerSpec {
  return plain("relu");
}

/** max(0, x), and no more than 6. */
export function relu6(): LayerSpec {
  return plain("relu6");
}

/** x above 0, slope x below. */
export function leakyRelu(slope = 0.01): LayerSpec {
  return { type: "leakyRelu", slope };
}

/** x above 0, alpha (exp(x) - 1) below. */
export function elu(alpha = 1): LayerSpec {
  return { type: "elu", alpha };
}

/** 1.0507 x above 0, 1.7581 (exp(x) - 1) below: keeps values at mean 0 and variance 1 (Klambauer et al., 2017). */
export function selu(): LayerSpec {
  return plain("selu");
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(): LayerSpec {
  return plain("sigmoid");
}

/** The hyperbolic tangent. */
export function tanh(): LayerSpec {
  return plain("tanh");
}

/** log(1 + exp(x)). */
export function softplus(): LayerSpec {
  return plain("softplus");
}

/** x times the normal distribution's share below x, computed exactly (by erf). */
export function gelu(): LayerSpec {
  return plain("gelu");
}

/** x sigmoid(x), also called swish. */
export function silu(): LayerSpec {
  return plain("silu");
}

function plain(type: Plain): LayerSpec {
  return { type };
}

/**
 * Layers one after the other, and the loss that they are trained on: a checked model. What it gives is plain data, the
 * same as a model file holds. Throws ChainruleError "model" where layers do not fit together.
 *
 * @example
 * const model = sequential([linear(784, 128), relu(), dropout(0.2), linear(10)], { loss: "crossEntropy" });
 */
export function sequential(layers: readonly (LayerSpec | OpenLayer)[], options: Omit<ModelSpec, "layers">): ModelSpec {
  let width: number | null = null;
  const filled = layers.map((layer, i): LayerSpec => {
    const before = (): number => {
      if (width !== null) return width;
      const how = layer.type === "linear" ? "linear(inputs, outputs)" : "layerNorm(size)";
      throw new ChainruleError("model", `layer ${i} (${layer.type}) is the first with a width: give it, ${how}`);
    };
    if (layer.type === "linear") {
      const whole: LayerSpec = { ...layer, in: "in" in layer ? layer.in : before() };
      width = whole.out;
      return whole;
    }
    if (layer.type !== "layerNorm") return layer;
    const size = "size" in layer ? layer.size : before();
    width = size;
    return { ...layer, size };
  });
  return parseModel({ ...options, layers: filled });
}
