import { CONTROL } from "../../../shaders/step/step.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import type { MovingAverageAttrs } from "./moving-average.ts";

export const movingAverage: Proof<MovingAverageAttrs> = {
  bound([average, p, c], [ea, ep], [y], { decay }) {
    const out = boundLike(y!);
    const rate = c!.data[CONTROL.gate] === 0 ? 0 : 1 - decay;
    for (let i = 0; i < out.data.length; i++) {
      const size = Math.abs(average!.data[i]!) + Math.abs(p!.data[i]!);
      out.data[i] = (1 - rate) * errorAt(ea, i) + rate * errorAt(ep, i) + rate * 4 * U * size + U * size + TINY;
    }
    return [out];
  },
  cases: [
    [300, 0.9, 1],
    [5, 0.999, 1],
    [64, 0.5, 0],
  ].map(([size, decay, gate]) => ({
    name: `${size}: decay ${decay}${gate ? "" : ", closed"}`,
    inputs: [
      { shape: [size!], dtype: "f32" as const },
      { shape: [size!], dtype: "f32" as const },
      { shape: [8], dtype: "f32" as const, fill: [0.05, gate!, 1, 2, 0.271, 0.003, 0, 0] },
    ],
    attrs: { decay: decay! },
  })),
};
