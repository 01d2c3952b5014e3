import { CONTROL, CONTROL_SIZE, type ScheduleKind } from "../../../shaders/step/step.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike } from "../shared/rounding.ts";
import type { ControlAttrs } from "./control.ts";
import type { RecordAttrs } from "./record.ts";

export const control: Proof<ControlAttrs> = {
  bound(_i, _e, [c], a) {
    const out = boundLike(c!);
    for (let i = 0; i < out.data.length; i++) out.data[i] = 1e-6 * Math.abs(c!.data[i]!);
    // The cosine schedule adds 1 and a cosine near -1: what is left is exact only relative to the starting rate.
    out.data[CONTROL.lr]! += 4e-7 * a.lr;
    // The exponential one's exponent has a rounding error of its own size, which the result has as a relative one.
    if (a.schedule === "exponential") {
      out.data[CONTROL.lr]! += 2e-7 * Math.abs(Math.log2(a.gamma)) * Math.abs(c!.data[CONTROL.lr]!);
    }
    out.data[CONTROL.gate] = 0;
    return [out];
  },
  cases: controlCases(),
};

export const controlAndRecord: Pick<Proof<ControlAttrs & RecordAttrs>, "cases"> = {
  cases: controlCases().map((c) => ({
    ...c,
    inputs: [...c.inputs, { shape: [4, 4], dtype: "f32" as const }],
    attrs: { ...c.attrs, slots: 4, batch: 8, n: 10 },
  })),
};

function controlCases() {
  const base = { lr: 0.1, warmup: 0, period: 100, gamma: 0.5, floor: 0.001, maxNorm: 0, beta1: 0.9, beta2: 0.999 };
  const at = (name: string, step: number, attrs: Partial<ControlAttrs> & { schedule: ScheduleKind }, loss = 0.7) => ({
    name,
    inputs: [
      { shape: [CONTROL_SIZE], dtype: "f32" as const, fill: [0, 0, 0, 0, 0.19, 0.002, 0, 0] },
      { shape: [4], dtype: "u32" as const, fill: [step, 0, 0, 0] },
      { shape: [1], dtype: "f32" as const, fill: [loss] },
      {
        shape: [70, 2],
        dtype: "f32" as const,
        fill: Array.from({ length: 140 }, (_, i) => (i % 2 ? 0 : 0.01 * (i + 1))),
      },
    ],
    attrs: { ...base, ...attrs },
  });
  return [
    at("constant", 12, { schedule: "constant" }),
    at("warm-up", 3, { schedule: "constant", warmup: 10 }),
    at("step", 450, { schedule: "step" }),
    at("cosine", 33, { schedule: "cosine", warmup: 7 }),
    at("cosine start", 0, { schedule: "cosine" }),
    at("cosine end", 400, { schedule: "cosine" }),
    at("exponential up", 61, { schedule: "exponential", lr: 1e-7, gamma: 1e8 }),
    at("exponential down", 33, { schedule: "exponential", gamma: 1e-3, warmup: 7 }),
    at("exponential end", 400, { schedule: "exponential", gamma: 20 }),
    at("clips", 1, { schedule: "constant", maxNorm: 0.5 }),
    at("does not clip", 1, { schedule: "constant", maxNorm: 1e6 }),
    at("loss is NaN", 5, { schedule: "constant" }, Number.NaN),
    at("loss is infinite", 5, { schedule: "constant" }, Number.POSITIVE_INFINITY),
  ];
}
