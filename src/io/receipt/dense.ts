import { refuseCode } from "../../nn/layers/custom.ts";
import type { DenseLayerSpec } from "../../nn/layers/spec.ts";
import { SELU_BELOW, SELU_SCALE } from "../../ops/elementwise/activations.ts";
import { adaptersOf } from "../adapters.ts";
import { adapterBackward, adapterForward, adapterOnward, adapterProducts } from "./adapters.ts";
import { layerNormNumpy } from "./norms.ts";
import { axes, back, type Line, type NumpyLayer, type Place } from "./place.ts";

function forward(layer: DenseLayerSpec, c: Place): readonly Line[] {
  const { i, a, shape } = c;
  const [h] = c.h as readonly [string];
  switch (layer.type) {
    case "linear":
      return [
        ...(layer.bias
          ? ([
              [`z${i} = ${h} @ W${i}`, "linear: each row times the weights,"],
              [`${a} = z${i} + b${i}`, "and the bias"],
            ] as const)
          : ([[`${a} = ${h} @ W${i}`, "linear: each row times the weights"]] as const)),
        ...adaptersOf(layer, i).flatMap((own) => adapterForward(own, i, h, a)),
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
    case "softmax": {
      const along = (layer.axis ?? shape.length - 1) + 1;
      return [
        [
          `e${i} = np.exp(${h} - ${h}.max(axis=${along}, keepdims=True))`,
          "softmax: less the row's maximum, which changes nothing,",
        ],
        [`${a} = e${i} / e${i}.sum(axis=${along}, keepdims=True)`, "exp over the row's sum of exp"],
      ];
    }
    case "dropout":
      if (layer.p === 0) return [[`${a} = ${h}`, "dropout of nothing"]];
      return [[`${a} = ${h} * mask${i} / (1 - ${layer.p})`, "dropout: what stays grows, so that the mean stays"]];
    case "layerNorm":
      return layerNormNumpy.forward(layer, c);
  }
}

function backward(layer: DenseLayerSpec, c: Place): readonly Line[] {
  const { i, a, shape } = c;
  const [h] = c.h as readonly [string];
  const [onward] = c.onward;
  const dh = (code: string, comment: string): readonly Line[] => back(c, code, comment);
  switch (layer.type) {
    case "linear":
      return [
        ...(layer.bias ? [[`dz${i} = d${a}`, "adding a bias passes the derivative on"] as const] : []),
        ...dh(`${layer.bias ? `dz${i}` : `d${a}`} @ W${i}.T`, "linear: back through the same weights"),
        ...adaptersOf(layer, i).flatMap((own) => [
          adapterBackward(own, i, `d${a}`),
          ...dh(adapterOnward(own, i), "and through the adapter"),
        ]),
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
    case "softmax": {
      const along = (layer.axis ?? shape.length - 1) + 1;
      return dh(
        `${a} * (d${a} - (d${a} * ${a}).sum(axis=${along}, keepdims=True))`,
        "softmax: each output has a share in all",
      );
    }
    case "dropout":
      if (layer.p === 0) return dh(`d${a}`, "dropout of nothing");
      return dh(`d${a} * mask${i} / (1 - ${layer.p})`, "dropout: through what stayed");
    case "layerNorm":
      return layerNormNumpy.backward(layer, c);
  }
}

function products(layer: DenseLayerSpec, c: Place): readonly Line[] {
  if (layer.type === "layerNorm") return layerNormNumpy.products!(layer, c);
  if (layer.type !== "linear") return [];
  const { i, a, shape } = c;
  const [h] = c.h;
  const d = layer.bias ? `dz${i}` : `d${a}`;
  const row = shape.length === 1;
  const code = row ? `${h}.T @ ${d}` : `${h}.reshape(-1, ${layer.in}).T @ ${d}.reshape(-1, ${layer.out})`;
  const bias: Line = [`db${i} = d${a}.sum(axis=${axes(0, shape.length)})`, "the bias acts as it is"];
  return [
    [`dW${i} = ${code}`, "value in front times derivative behind"],
    ...(layer.bias ? [bias] : []),
    ...adaptersOf(layer, i).flatMap((own) => adapterProducts(own, i, h!, `d${a}`)),
  ];
}

/** Layers of dense nets. */
export const denseNumpy: NumpyLayer<DenseLayerSpec> = { forward, backward, products };
