import { refuseCode } from "../../nn/layers/custom.ts";
import type { DenseLayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { SELU_BELOW, SELU_SCALE } from "../../ops/elementwise/activations.ts";

/** A line of Python, and what it says to a reader. */
export type Line = readonly [code: string, comment: string];

/** Names of a net's values in a receipt: x, then a0, a1, ... behind each layer. */
export const valueName = (layer: number): string => (layer < 0 ? "x" : `a${layer}`);

/** Names of a parameter in a receipt, by its name in weights files: "0.weight" is W0. */
export function parameterName(model: ModelSpec, name: string): string {
  const [layer, key] = name.split(".") as [string, "weight" | "bias"];
  const norm = model.layers[Number(layer)]!.type === "layerNorm";
  return { weight: norm ? "gamma" : "W", bias: norm ? "beta" : "b" }[key] + layer;
}

/** Layer i: its value a from the value h in front of it. */
export function forwardLines(layer: DenseLayerSpec, i: number): readonly Line[] {
  const [h, a] = [valueName(i - 1), valueName(i)];
  switch (layer.type) {
    case "linear":
      if (!layer.bias) return [[`${a} = ${h} @ W${i}`, "linear: each row times the weights"]];
      return [
        [`z${i} = ${h} @ W${i}`, "linear: each row times the weights,"],
        [`${a} = z${i} + b${i}`, "and the bias"],
      ];
    case "relu":
      return [[`${a} = np.maximum(${h}, 0)`, "relu: what is below 0 becomes 0"]];
    case "relu6":
      return [[`${a} = np.clip(${h}, 0, 6)`, "relu6: what is below 0 becomes 0, what is above 6 becomes 6"]];
    case "selu": {
      const below = `${SELU_BELOW} * np.expm1(np.minimum(${h}, 0))`;
      return [
        [`${a} = np.where(${h} > 0, ${SELU_SCALE} * ${h}, ${below})`, "selu: a scale above 0, scaled exp - 1 below"],
      ];
    }
    case "leakyRelu":
      return [[`${a} = np.where(${h} > 0, ${h}, ${layer.slope} * ${h})`, "leaky relu: a small slope below 0"]];
    case "elu": {
      const below = `${layer.alpha} * np.expm1(np.minimum(${h}, 0))`;
      return [[`${a} = np.where(${h} > 0, ${h}, ${below})`, "elu: alpha (exp - 1) below 0"]];
    }
    case "sigmoid":
      return [[`${a} = 1 / (1 + np.exp(-${h}))`, "sigmoid"]];
    case "tanh":
      return [[`${a} = np.tanh(${h})`, "tanh"]];
    case "softplus":
      return [[`${a} = np.logaddexp(0, ${h})`, `softplus: log(1 + exp(${h}))`]];
    case "gelu":
      return [
        [
          `Phi${i} = (0.5 * (1 + erf(${h} / math.sqrt(2)))).astype(real)`,
          `share of the normal distribution below ${h}`,
        ],
        [`${a} = ${h} * Phi${i}`, `gelu: ${h} Phi(${h})`],
      ];
    case "silu":
      return [
        [`s${i} = 1 / (1 + np.exp(-${h}))`, "sigmoid"],
        [`${a} = ${h} * s${i}`, `silu: ${h} sigmoid(${h})`],
      ];
    case "custom":
      return refuseCode(layer);
    case "softmax":
      return [
        [
          `e${i} = np.exp(${h} - ${h}.max(axis=1, keepdims=True))`,
          "softmax: less the row's maximum, which changes nothing,",
        ],
        [`${a} = e${i} / e${i}.sum(axis=1, keepdims=True)`, "exp over the row's sum of exp"],
      ];
    case "dropout":
      if (layer.p === 0) return [[`${a} = ${h}`, "dropout of nothing"]];
      return [[`${a} = ${h} * mask${i} / (1 - ${layer.p})`, "dropout: what stays grows, so that the mean stays"]];
    case "layerNorm":
      return [
        [`mean${i} = ${h}.mean(axis=1, keepdims=True)`, "layer norm: each row's mean"],
        [`var${i} = ((${h} - mean${i}) ** 2).mean(axis=1, keepdims=True)`, "and variance"],
        [`rstd${i} = 1 / np.sqrt(var${i} + ${layer.eps})`, "one over the deviation; eps keeps it finite"],
        [`n${i} = (${h} - mean${i}) * rstd${i}`, "mean 0, deviation 1"],
        [`${a} = gamma${i} * n${i} + beta${i}`, "scaled and shifted"],
      ];
  }
}

/**
 * Layer i: the derivative dh in front of it from da behind it, unless nothing in front has weights; and the gradients of
 * its own parameters, which are the product of both passes.
 */
export function backwardLines(layer: DenseLayerSpec, i: number, onward: boolean): readonly Line[] {
  const [h, a] = [valueName(i - 1), valueName(i)];
  const dh = (code: string, comment: string): readonly Line[] => (onward ? [[`d${h} = ${code}`, comment]] : []);
  switch (layer.type) {
    case "linear":
      if (!layer.bias) return dh(`d${a} @ W${i}.T`, "linear: back through the same weights");
      return [
        [`dz${i} = d${a}`, "adding a bias passes the derivative on"],
        ...dh(`dz${i} @ W${i}.T`, "linear: back through the same weights"),
      ];
    case "relu":
      return dh(`d${a} * (${h} > 0)`, "relu: 1 above 0, 0 below");
    case "relu6":
      return dh(`d${a} * ((${h} > 0) & (${h} < 6))`, "relu6: 1 between 0 and 6, else 0");
    case "selu": {
      const below = `d${a} * (${SELU_BELOW} * np.exp(np.minimum(${h}, 0)))`;
      return dh(`np.where(${h} > 0, ${SELU_SCALE} * d${a}, ${below})`, "selu: the scale above 0, scaled exp below");
    }
    case "leakyRelu":
      return dh(`np.where(${h} > 0, d${a}, ${layer.slope} * d${a})`, "leaky relu: 1 above 0, the slope below");
    case "elu": {
      const below = `${layer.alpha} * np.exp(np.minimum(${h}, 0))`;
      return dh(`np.where(${h} > 0, d${a}, d${a} * ${below})`, "elu: 1 above 0, alpha exp below");
    }
    case "sigmoid":
      return dh(`d${a} * ${a} * (1 - ${a})`, "sigmoid: a (1 - a)");
    case "tanh":
      return dh(`d${a} * (1 - ${a} ** 2)`, "tanh: 1 - a squared");
    case "softplus":
      return dh(`d${a} / (1 + np.exp(-${h}))`, `softplus: sigmoid(${h})`);
    case "gelu":
      if (!onward) return [];
      return [
        [`phi${i} = np.exp(-(${h} ** 2) / 2) / math.sqrt(2 * math.pi)`, `density of the normal distribution at ${h}`],
        ...dh(`d${a} * (Phi${i} + ${h} * phi${i})`, `gelu: Phi(${h}) + ${h} phi(${h})`),
      ];
    case "silu":
      return dh(`d${a} * s${i} * (1 + ${h} * (1 - s${i}))`, `silu: s (1 + ${h} (1 - s))`);
    case "custom":
      return refuseCode(layer);
    case "softmax":
      return dh(
        `${a} * (d${a} - (d${a} * ${a}).sum(axis=1, keepdims=True))`,
        "softmax: each output has a share in all",
      );
    case "dropout":
      if (layer.p === 0) return dh(`d${a}`, "dropout of nothing");
      return dh(`d${a} * mask${i} / (1 - ${layer.p})`, "dropout: through what stayed");
    case "layerNorm": {
      if (!onward) return [];
      return [
        [`dn${i} = d${a} * gamma${i}`, "layer norm: back through the scale,"],
        [
          `r${i} = (dn${i} * n${i}).mean(axis=1, keepdims=True)`,
          "through the deviation, which depends on all of the row,",
        ],
        ...dh(`rstd${i} * (dn${i} - dn${i}.mean(axis=1, keepdims=True) - n${i} * r${i})`, "and through the mean"),
      ];
    }
  }
}

/** Gradients of a layer's parameters: the value in front of it times the derivative behind it, summed over the rows. */
export function productLines(layer: DenseLayerSpec, i: number): readonly Line[] {
  const [h, a] = [valueName(i - 1), valueName(i)];
  if (layer.type === "layerNorm") {
    return [
      [`dgamma${i} = (d${a} * n${i}).sum(axis=0)`, "what the scale multiplied, times its derivative"],
      [`dbeta${i} = d${a}.sum(axis=0)`, "the shift acts as it is"],
    ];
  }
  if (layer.type !== "linear") return [];
  const d = layer.bias ? `dz${i}` : `d${a}`;
  const weight: Line = [`dW${i} = ${h}.T @ ${d}`, "value in front times derivative behind"];
  return layer.bias ? [weight, [`db${i} = d${a}.sum(axis=0)`, "the bias acts as it is"]] : [weight];
}
