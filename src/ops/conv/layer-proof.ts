import type { OpCase, Proof } from "../../graph/op.ts";
import { valuesOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import type { ConvInputGradientAttrs, ConvWeightGradientAttrs } from "./conv.ts";
import { forwardDims } from "./dims.ts";
import { type ConvAttrs, yShape } from "./geometry.ts";
import type { LayerAttrs } from "./layer.ts";
import { convSettings, type Setting } from "./proof-settings.ts";

type Cases<A> = Pick<Proof<A>, "cases">;

const f32 = (shape: readonly number[]) => ({ shape, dtype: "f32" as const });
const dyOf = ({ x, w, attrs }: Setting): readonly number[] =>
  yShape(forwardDims([{ shape: x }, { shape: w }], attrs), x.length);
const placesOf = ({ x }: Setting) => ({ places: x.slice(2) });

/** Sizes and edges are what the cases of the sums are for: of these some, by name. */
function settings(...names: readonly string[]): readonly Setting[] {
  return names.map((name) => convSettings.find((s) => s.name === name)!);
}

const plain = settings("3x3, stride 2", "two groups", "depthwise", "19 to 33 channels");

/** An activation and its number, with every second layer a bias. */
const chosen = [
  ["relu", true],
  ["leakyRelu", false],
  ["tanh", true],
  [null, true],
] as const;

function layerCases<A extends ConvAttrs>(
  inputs: (s: Setting) => readonly [x: readonly number[], channels: number],
  more: (s: Setting) => Omit<A, keyof ConvAttrs>,
): readonly OpCase<LayerAttrs<A>>[] {
  return plain.map((s, i) => {
    const [activation, bias] = chosen[i % chosen.length]!;
    const [x, channels] = inputs(s);
    const alpha = activation === null ? 0 : (activations[activation]!.spec.defaultAlpha ?? 0);
    return {
      name: `${s.name}, ${bias ? "bias" : "no bias"}, ${activation ?? "identity"}`,
      inputs: [f32(x), f32(s.w), ...(bias ? [f32([channels])] : [])],
      attrs: { ...s.attrs, ...more(s), activation, alpha } as LayerAttrs<A>,
    };
  });
}

function derivativeCases<A extends ConvAttrs>(
  shapes: (s: Setting) => readonly [dy: readonly number[], v: readonly number[]],
  more: (s: Setting) => Omit<A, keyof ConvAttrs>,
): readonly OpCase<LayerAttrs<A>>[] {
  return plain.map((s, i) => {
    const name = (["relu", "leakyRelu", "silu"] as const)[i % 3]!;
    const { spec } = activations[name]!;
    const [dy, v] = shapes(s);
    return {
      name: `${s.name}, ${name}`,
      inputs: [f32(dy), f32(s.w), { ...f32(v), scale: 2, ...(spec.of === "y" ? { through: valuesOf(spec) } : {}) }],
      attrs: { ...s.attrs, ...more(s), activation: name, alpha: spec.defaultAlpha ?? 0 } as LayerAttrs<A>,
    };
  });
}

export const convLayer: Cases<LayerAttrs<ConvAttrs>> = {
  cases: layerCases<ConvAttrs>(
    (s) => [s.x, s.w[0]!],
    () => ({}),
  ),
};

export const convTransposeLayer: Cases<LayerAttrs<ConvInputGradientAttrs>> = {
  cases: layerCases<ConvInputGradientAttrs>((s) => [dyOf(s), s.x[1]!], placesOf),
};

export const convLayerInputGradient: Cases<LayerAttrs<ConvInputGradientAttrs>> = {
  cases: derivativeCases<ConvInputGradientAttrs>((s) => [dyOf(s), s.x], placesOf),
};

export const convTransposeLayerInputGradient: Cases<LayerAttrs<ConvAttrs>> = {
  cases: derivativeCases<ConvAttrs>(
    (s) => [s.x, dyOf(s)],
    () => ({}),
  ),
};

export const convLayerWeightGradient: Cases<ConvWeightGradientAttrs> = {
  cases: [...plain, ...settings("one channel, 28 x 28", "two groups of 12 to 20 channels")].map((s) => ({
    name: s.name,
    inputs: [f32(s.x), f32(dyOf(s))],
    attrs: { ...s.attrs, kernel: s.w.slice(2) },
  })),
};
