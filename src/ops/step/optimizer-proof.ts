import { CONTROL } from "../../../shaders/step/step.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import type { OptimizerName } from "../names.ts";
import { boundLike, TINY, U } from "../shared/rounding.ts";
import {
  apart,
  type OptimizerAttrs,
  type OptimizerRule,
  optimizerDefaults,
  RATE_BLOCK,
  ratesAt,
} from "./optimizer-op.ts";

/** Hyperparameters of the cases, by the rule that reads them. */
const variantsOf: Readonly<Record<OptimizerName, readonly Partial<OptimizerAttrs>[]>> = {
  sgd: [
    {},
    { weightDecay: 0.1 },
    { momentum: 0.9 },
    { momentum: 0.9, nesterov: true },
    { momentum: 0.8, nesterov: true, weightDecay: 0.01 },
  ],
  adam: [{}, { weightDecay: 0.1 }, { beta1: 0.5, beta2: 0.9, eps: 1e-4 }],
  adamw: [{}, { weightDecay: 0.01 }],
  rmsprop: [{}, { momentum: 0.9 }, { weightDecay: 0.1, alpha: 0.9 }],
  adagrad: [{ eps: 1e-10 }, { eps: 1e-10, weightDecay: 0.1 }],
};

export function optimizerProof(rule: OptimizerRule): Proof<OptimizerAttrs> {
  const variants = variantsOf[rule.name as OptimizerName];
  return {
    /** Relative to what is added up: the parameter, and the step with every sum taken of absolute values. */
    bound(inputs, _errors, outputs, a) {
      const [p, g, c, ...rest] = inputs as readonly NdArray[];
      const { s, rates } = apart(rule, rest, a);
      const lr = c!.data[CONTROL.lr]!;
      return outputs.map((out, k) => {
        const bound = boundLike(out);
        const size = s.map((x) => ({ ...x, data: Float64Array.from(x.data, Math.abs) }));
        for (let i = 0; i < out.data.length; i++) {
          const [rate, own] = ratesAt(rates, i, lr, a);
          const magnitude = Math.abs(g!.data[i]!) * c!.data[CONTROL.clip]! + own.weightDecay * Math.abs(p!.data[i]!);
          const was = size.map((x) => x.data[i]!);
          const step = rule.update(0, magnitude, size, i, rate, c!, { ...a, weightDecay: 0 });
          const state = k > 0 ? size[k - 1]!.data[i]! + was[k - 1]! : 0;
          bound.data[i] =
            k > 0
              ? 16 * U * state + TINY
              : 40 * U * Math.abs(step) + 3 * U * (Math.abs(out.data[i]!) + Math.abs(p!.data[i]!)) + TINY;
        }
        return bound;
      });
    },
    cases: [
      ...variants.map((v, i) => optimizerCase(rule, v, i, 300)),
      optimizerCase(rule, variants.at(-1)!, 1, 5),
      optimizerCase(rule, variants.at(-1)!, 0, 300, true),
      optimizerCase(rule, { ...variants.at(-1)!, weightDecay: 0.1 }, 1, 70, true),
    ],
  };
}

function optimizerCase(
  rule: OptimizerRule,
  v: Partial<OptimizerAttrs>,
  i: number,
  size: number,
  rates = false,
): OpCase<OptimizerAttrs> {
  const shape = [size];
  const attrs = { ...optimizerDefaults, ...v };
  const settings = Object.entries(v).map(([key, value]) => `${key}=${value}`);
  return {
    name: `${size}: ${settings.join(" ") || "defaults"}${rates ? ", rates of their own" : ""}`,
    inputs: [
      { shape, dtype: "f32" },
      { shape, dtype: "f32" },
      { shape: [8], dtype: "f32", fill: [0.05, 1, i % 2 ? 0.5 : 1, 2, 0.271, 0.003, 0, 0] },
      ...Array.from({ length: rule.states(attrs) }, () => ({
        shape,
        dtype: "f32" as const,
        fill: "positive" as const,
      })),
      ...(rates
        ? [{ shape: [Math.ceil(size / RATE_BLOCK), 2], dtype: "f32" as const, fill: "positive" as const, scale: 2 }]
        : []),
    ],
    attrs,
  };
}
