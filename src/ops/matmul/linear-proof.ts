import type { OpCase, Proof } from "../../graph/op.ts";
import { type ActivationSpec, valuesOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import type { LinearAttrs } from "./linear.ts";

export const linear: Pick<Proof<LinearAttrs>, "cases"> = {
  cases: [
    linearCase(1, 4, 4, true, "relu"),
    linearCase(5, 7, 3, true, "relu"),
    linearCase(33, 65, 18, true, "relu"),
    linearCase(68, 132, 64, true, "relu"),
    linearCase(72, 68, 20, true, "relu"),
    linearCase(64, 64, 32, false, "leakyRelu"),
    linearCase(6, 20, 600, true, null),
    linearCase(16, 133, 515, true, "relu"),
  ],
};

export const linearInputGradient: Pick<Proof<LinearAttrs>, "cases"> = {
  cases: [
    inputGradientCase(1, 4, 4, "relu"),
    inputGradientCase(5, 7, 3, "relu"),
    inputGradientCase(33, 65, 18, "relu"),
    inputGradientCase(64, 64, 32, "leakyRelu"),
    inputGradientCase(40, 20, 36, "leakyRelu"),
    inputGradientCase(6, 20, 600, "gelu"),
  ],
};

export const linearWeightGradient: Pick<Proof<null>, "cases"> = {
  cases: [
    [1, 4, 1],
    [5, 7, 3],
    [33, 65, 18],
    [64, 132, 32],
    [10, 12, 600],
    [4, 300, 9],
  ].map(([M, N, K]) => ({
    name: `${M}x${N} of ${K} rows`,
    inputs: [f32(K!, M!), f32(K!, N!)],
    attrs: null,
  })),
};

function f32(...shape: readonly number[]) {
  return { shape, dtype: "f32" as const };
}

function alphaOf(spec: ActivationSpec | undefined): number {
  return spec?.defaultAlpha ?? 0;
}

function linearCase(M: number, N: number, K: number, bias: boolean, activation: string | null): OpCase<LinearAttrs> {
  const spec = activation === null ? undefined : activations[activation]!.spec;
  return {
    name: `${M}x${N}x${K} ${bias ? "bias" : "no bias"} ${activation ?? "identity"}`,
    inputs: [f32(M, K), f32(K, N), ...(bias ? [f32(N)] : [])],
    attrs: { activation, alpha: alphaOf(spec) },
  };
}

function inputGradientCase(M: number, N: number, K: number, activation: string): OpCase<LinearAttrs> {
  const { spec } = activations[activation]!;
  const v = { ...f32(M, N), scale: 2, ...(spec.of === "y" ? { through: valuesOf(spec) } : {}) };
  return {
    name: `${M}x${N}x${K} ${activation}`,
    inputs: [f32(M, K), f32(N, K), v],
    attrs: { activation, alpha: alphaOf(spec) },
  };
}
