import type { CaseInput, OpCase, Proof } from "../../graph/op.ts";
import { valuesOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import { filled } from "../norm/norm-cases.ts";
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
const layers = [...plain, ...settings("16 to 16 channels")];

/** What becomes of the sums of each of those: a bias, running statistics, a residual, an activation. */
const chosen = [
  { activation: "relu", more: ["bias"] },
  { activation: "leakyRelu", more: ["norm"] },
  { activation: "tanh", more: ["bias", "norm", "residual"] },
  { activation: null, more: ["bias"] },
  { activation: "relu", more: ["residual"] },
] as const;

type Behind = (typeof chosen)[number]["more"][number];

/** Variances lie far enough from 0 for epsilon to show, and one is 0: then it alone is there. */
const EPS = 0.1;

function behind(more: readonly Behind[], y: readonly number[]): readonly CaseInput[] {
  const c = y[1]!;
  const running = Array.from({ length: 2 * c + 1 }, (_, k) => (k < c ? 0.3 * k - 1 : k < 2 * c ? 0.25 * (k - c) : 4));
  const inputs = {
    bias: [f32([c])],
    norm: [f32([c]), f32([c]), filled([2 * c + 1], running)],
    residual: [f32(y)],
  };
  return more.flatMap((what) => inputs[what]);
}

function layerCases<A extends ConvAttrs>(
  shapes: (s: Setting) => readonly [x: readonly number[], y: readonly number[]],
  more: (s: Setting) => Omit<A, keyof ConvAttrs>,
): readonly OpCase<LayerAttrs<A>>[] {
  return layers.map((s, i) => {
    const { activation, more: parts } = chosen[i]!;
    const [x, y] = shapes(s);
    const has = (part: Behind): boolean => (parts as readonly Behind[]).includes(part);
    const alpha = activation === null ? 0 : (activations[activation]!.spec.defaultAlpha ?? 0);
    return {
      name: `${s.name}, ${parts.join(", ")}, ${activation ?? "identity"}`,
      inputs: [f32(x), f32(s.w), ...behind(parts, y)],
      attrs: {
        ...s.attrs,
        ...more(s),
        activation,
        alpha,
        ...(has("norm") ? { eps: EPS } : {}),
        ...(has("residual") ? { residual: true } : {}),
      } as LayerAttrs<A>,
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
    (s) => [s.x, dyOf(s)],
    () => ({}),
  ),
};

export const convTransposeLayer: Cases<LayerAttrs<ConvInputGradientAttrs>> = {
  cases: layerCases<ConvInputGradientAttrs>((s) => [dyOf(s), s.x], placesOf),
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
