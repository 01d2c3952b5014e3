import type { DenseLayerSpec, LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { type ActivationName, activationNames } from "../../ops/names.ts";

/** A layer between the inputs and the last linear layer; widths follow from what is before. */
export type HiddenLayer =
  | { readonly type: "linear"; readonly out: number }
  | { readonly type: "dropout"; readonly p: number }
  | { readonly type: "layerNorm" }
  | { readonly type: ActivationName };
export type HiddenType = HiddenLayer["type"];
export const hiddenTypes: readonly HiddenType[] = ["linear", ...activationNames, "layerNorm", "dropout"];

/** Widest layer, most layers, and widths and chances that a link may ask for. */
export const MOST_WIDE = 8192;
export const MOST_LAYERS = 40;
const MOST_DROPOUT = 0.9;

/** "32-tanh-drop0.2-norm": short enough for a link, plain enough to read. */
export function netText(net: readonly HiddenLayer[]): string {
  return net
    .map((l) =>
      l.type === "linear" ? l.out : l.type === "dropout" ? `drop${l.p}` : l.type === "layerNorm" ? "norm" : l.type,
    )
    .join("-");
}

/** The layers of such a text; null where it makes no sense. */
export function parseNet(text: string): readonly HiddenLayer[] | null {
  const layers = (text === "" ? [] : text.split("-")).map(parseHidden);
  return layers.length <= MOST_LAYERS && layers.every((l) => l !== null) ? layers : null;
}

function parseHidden(token: string): HiddenLayer | null {
  if (/^\d{1,4}$/.test(token)) return validWidth(Number(token)) ? { type: "linear", out: Number(token) } : null;
  if (token === "norm") return { type: "layerNorm" };
  if (/^drop0\.\d{1,3}$/.test(token)) return { type: "dropout", p: Math.min(MOST_DROPOUT, Number(token.slice(4))) };
  const type = activationNames.find((name) => name === token);
  return type ? { type } : null;
}

export function validWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= MOST_WIDE;
}

/** A new layer of a type, as wide as suggested. */
export function newLayer(type: HiddenType, width: number): HiddenLayer {
  if (type === "linear") return { type, out: width };
  return type === "dropout" ? { type, p: 0.2 } : { type };
}

/** The hidden layers of a chain of dense layers: all but its last linear one. */
export function hiddenOf(model: ModelSpec): readonly HiddenLayer[] {
  const layers = model.layers as readonly DenseLayerSpec[];
  const last = layers.findLastIndex((l) => l.type === "linear");
  return layers.slice(0, last).flatMap((l): HiddenLayer[] => {
    if (l.type === "linear") return [{ type: "linear", out: l.out }];
    if (l.type === "dropout") return [{ type: "dropout", p: l.p }];
    return l.type === "softmax" || l.type === "custom" ? [] : [{ type: l.type }];
  });
}

/** The layers as a model file has them, from `inputs` to `outputs`. */
export function modelLayers(
  net: readonly HiddenLayer[],
  inputs: number,
  outputs: number,
  bias: boolean,
): readonly LayerSpec[] {
  let width = inputs;
  const layers = net.map((l): LayerSpec => {
    switch (l.type) {
      case "layerNorm":
        return { type: l.type, size: width, eps: 1e-5 };
      case "leakyRelu":
        return { type: l.type, slope: 0.01 };
      case "elu":
        return { type: l.type, alpha: 1 };
      case "linear": {
        const linear = { type: l.type, in: width, out: l.out, bias };
        width = l.out;
        return linear;
      }
      default:
        return l as LayerSpec;
    }
  });
  return [...layers, { type: "linear", in: width, out: outputs, bias }];
}

/** What the settings say of layers: not how steep a slope is, nor what keeps a division from 0. */
export function layersText({ layers }: ModelSpec): string {
  return JSON.stringify(layers.map((l) => (l.type === "linear" || l.type === "dropout" || "from" in l ? l : l.type)));
}

/** Parameters of those layers. */
export function parametersIn(layers: readonly LayerSpec[]): number {
  return layers.reduce((sum, l) => {
    if (l.type === "layerNorm") return sum + 2 * Number(l.size);
    return l.type === "linear" ? sum + (l.in + (l.bias ? 1 : 0)) * l.out : sum;
  }, 0);
}
