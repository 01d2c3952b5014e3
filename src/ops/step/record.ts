import {
  CONTROL,
  INFINITE_BITS,
  record as recordCode,
  recordParams,
  recordStep,
  SEAL_FACTOR,
  sealed as sealedCode,
} from "../../../shaders/step/step.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants } from "../shared/chip.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import { call } from "../shared/wasm-plan.ts";

export interface RecordAttrs {
  /** Slots of the ring; step s goes to slot s mod slots. */
  readonly slots: number;
  readonly batch: number;
  /** Rows of the data set, for the epoch count. */
  readonly n: number;
}

/** The 23 bits that seal words `at` to `at + 2`, the numbers of step `step`; `sealed` of shaders/step/step.ts. */
export function sealOf(words: Uint32Array, at: number, step: number): number {
  let h = Math.imul(step + 1, SEAL_FACTOR);
  for (let k = at; k < at + 3; k++) {
    const exponent = words[k]! & INFINITE_BITS;
    h = Math.imul(h ^ (exponent === 0 || exponent === INFINITE_BITS ? exponent : words[k]!), SEAL_FACTOR);
  }
  return h >>> 9;
}

/** Writes the last number of a slot of the ring, whose others are there. */
export function seal(ring: NdArray, at: number, step: number, mark: number): void {
  const words = new Uint32Array(Float32Array.from(ring.data.subarray(at, at + 3)).buffer);
  ring.data[at + 3] = mark * (1 + sealOf(words, 0, step) / 2 ** 23);
}

/** Moves the cursor to the next batch. */
export function advance(cursor: NdArray, { batch, n }: RecordAttrs): void {
  const next = cursor.data[2]! + batch;
  cursor.data[0]! += 1;
  cursor.data[1]! += Math.floor(next / n);
  cursor.data[2] = next % n;
}

/** cursor and ring [slots, 4] in place: writes (loss, gradient norm, learning rate, sealed gate) and goes to the next batch. */
export const record: Op<RecordAttrs> = {
  name: "record",
  infer: ([cursor, ring]) => [cursor!, ring!].map(({ shape, dtype }) => ({ shape, dtype })),
  reference([cursor, ring, loss, c], attrs) {
    const at = (cursor!.data[0]! % attrs.slots) * 4;
    ring!.data[at] = loss!.data[0]!;
    ring!.data[at + 1] = c!.data[CONTROL.norm]!;
    ring!.data[at + 2] = c!.data[CONTROL.lr]!;
    seal(ring!, at, cursor!.data[0]!, c!.data[CONTROL.gate] === 0 ? -1 : 1);
    advance(cursor!, attrs);
    if (c!.data[CONTROL.gate] === 0) cursor!.data[3]! += 1;
    return [cursor!, ring!];
  },
  wasm: (_inputs, _outputs, { slots, batch, n }) =>
    call("record", [output(0), output(1), input(2), input(3), slots, batch, n]),
  onChip(w, [, , loss, c], [cursor, ring], attrs) {
    w.declare(sealedCode);
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
};

/** A cursor at the start of training. */
export function startCursor(): NdArray {
  return ndarray([4], "u32", [0, 0, 0, 0]);
}
