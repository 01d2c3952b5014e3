import {
  CONTROL,
  CONTROL_SIZE,
  record as recordCode,
  recordParams,
  recordStep,
  tally as tallyCode,
  tallyStep,
} from "../../shaders/step.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import type { Op } from "../graph/op.ts";
import { COST, constants } from "./chip.ts";
import { flatLaunch, input, output } from "./plan.ts";
import { boundLike, errorAt } from "./rounding.ts";
import { call } from "./wasm-plan.ts";

export interface RecordAttrs {
  /** Slots of the ring; step s goes to slot s mod slots. */
  readonly slots: number;
  readonly batch: number;
  /** Rows of the data set, for the epoch count. */
  readonly n: number;
}

function advance(cursor: NdArray, { batch, n }: RecordAttrs): void {
  const next = cursor.data[2]! + batch;
  cursor.data[0]! += 1;
  cursor.data[1]! += Math.floor(next / n);
  cursor.data[2] = next % n;
}

/** cursor and ring [slots, 4] in place: writes (loss, gradient norm, learning rate, gate) and goes to the next batch. */
export const record: Op<RecordAttrs> = {
  name: "record",
  infer: ([cursor, ring]) => [cursor!, ring!].map(({ shape, dtype }) => ({ shape, dtype })),
  reference([cursor, ring, loss, c], attrs) {
    const at = (cursor!.data[0]! % attrs.slots) * 4;
    ring!.data[at] = loss!.data[0]!;
    ring!.data[at + 1] = c!.data[CONTROL.norm]!;
    ring!.data[at + 2] = c!.data[CONTROL.lr]!;
    ring!.data[at + 3] = c!.data[CONTROL.gate]!;
    advance(cursor!, attrs);
    if (c!.data[CONTROL.gate] === 0) cursor!.data[3]! += 1;
    return [cursor!, ring!];
  },
  wasm: (_inputs, _outputs, { slots, batch, n }) =>
    call("record", [output(0), output(1), input(2), input(3), slots, batch, n]),
  onChip(w, [, , loss, c], [cursor, ring], attrs) {
    w.once(() => {
      constants(w, "RecordParams", recordParams, { size: 1, ...attrs });
      w.add(recordStep({ cursor: cursor!.at, ring: ring!.at, loss: loss!.at, control: c!.at }), COST.function);
    });
  },
  lookups: [1],
  gradient: "none",
  inPlace: [
    [0, 0],
    [1, 1],
  ],
  kernels: [
    {
      name: "record/one",
      plan: (_i, _o, attrs, caps) => ({
        launches: [
          flatLaunch(
            recordCode(),
            recordParams.pack({ size: 1, ...attrs }),
            [output(0), output(1), input(2), input(3)],
            1,
            caps,
          ),
        ],
      }),
    },
  ],
  // Only moves numbers: each keeps the error that it came with.
  bound([cursor], [, ering, eloss, ec], [, ring], { slots }) {
    const out = boundLike(ring!);
    for (let i = 0; i < out.data.length; i++) out.data[i] = errorAt(ering, i);
    const at = (cursor!.data[0]! % slots) * 4;
    out.data[at] = errorAt(eloss, 0);
    out.data[at + 1] = errorAt(ec, CONTROL.norm);
    out.data[at + 2] = errorAt(ec, CONTROL.lr);
    out.data[at + 3] = errorAt(ec, CONTROL.gate);
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

/** cursor and ring [slots, 2] in place: writes (loss, rows right) of an evaluation batch and goes to the next. */
export const tally: Op<RecordAttrs> = {
  name: "tally",
  infer: ([cursor, ring]) => [cursor!, ring!].map(({ shape, dtype }) => ({ shape, dtype })),
  reference([cursor, ring, loss, correct], attrs) {
    const at = (cursor!.data[0]! % attrs.slots) * 2;
    ring!.data[at] = loss!.data[0]!;
    ring!.data[at + 1] = correct!.data[0]!;
    advance(cursor!, attrs);
    return [cursor!, ring!];
  },
  wasm: (_inputs, _outputs, { slots, batch, n }) =>
    call("tally", [output(0), output(1), input(2), input(3), slots, batch, n]),
  onChip(w, [, , loss, correct], [cursor, ring], attrs) {
    w.once(() => {
      constants(w, "RecordParams", recordParams, { size: 1, ...attrs });
      w.add(tallyStep({ cursor: cursor!.at, ring: ring!.at, loss: loss!.at, correct: correct!.at }), COST.function);
    });
  },
  lookups: [1],
  gradient: "none",
  inPlace: [
    [0, 0],
    [1, 1],
  ],
  kernels: [
    {
      name: "tally/one",
      plan: (_i, _o, attrs, caps) => ({
        launches: [
          flatLaunch(
            tallyCode(),
            recordParams.pack({ size: 1, ...attrs }),
            [output(0), output(1), input(2), input(3)],
            1,
            caps,
          ),
        ],
      }),
    },
  ],
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

/** A cursor at the start of training. */
export function startCursor(): NdArray {
  return ndarray([4], "u32", [0, 0, 0, 0]);
}
