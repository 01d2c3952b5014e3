import { CONTROL, CONTROL_SIZE } from "../../../shaders/step/step.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt } from "../shared/rounding.ts";
import type { RecordAttrs } from "./record.ts";

export const record: Proof<RecordAttrs> = {
  // Only moves numbers: each keeps the error that it came with.
  bound([cursor], [, ering, eloss, ec], [, ring], { slots }) {
    const out = boundLike(ring!);
    for (let i = 0; i < out.data.length; i++) out.data[i] = errorAt(ering, i);
    const at = (cursor!.data[0]! % slots) * 4;
    out.data[at] = errorAt(eloss, 0);
    out.data[at + 1] = errorAt(ec, CONTROL.norm);
    out.data[at + 2] = errorAt(ec, CONTROL.lr);
    // A seal of other numbers is another one: then only what it is written over can be held to something.
    const moved = [errorAt(eloss, 0), errorAt(ec, CONTROL.norm), errorAt(ec, CONTROL.lr)].some((e) => e !== 0);
    out.data[at + 3] = moved ? Math.abs(ring!.data[at + 3]!) : errorAt(ec, CONTROL.gate);
    return [null, out];
  },
  cases: [0, 1].map((gate) => ({
    name: gate ? "step taken" : "step skipped",
    inputs: [
      { shape: [4], dtype: "u32", fill: [6, 2, 9, 1] },
      { shape: [4, 4], dtype: "f32" },
      { shape: [1], dtype: "f32" },
      { shape: [CONTROL_SIZE], dtype: "f32", fill: [0.1, gate, 1, 2.5, 0, 0, 0, 0] },
    ],
    attrs: { slots: 4, batch: 8, n: 10 },
  })),
};

export const tally: Proof<RecordAttrs> = {
  bound: (_i, _e, [, ring]) => [null, boundLike(ring!)],
  cases: [
    {
      name: "second batch",
      inputs: [
        { shape: [4], dtype: "u32", fill: [1, 0, 8, 0] },
        { shape: [4, 2], dtype: "f32" },
        { shape: [1], dtype: "f32" },
        { shape: [1], dtype: "f32", fill: [3] },
      ],
      attrs: { slots: 4, batch: 8, n: 10 },
    },
  ],
};
