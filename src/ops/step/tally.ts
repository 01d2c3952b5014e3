import { recordParams } from "../../../shaders/step/step.ts";
import { tally as tallyCode, tallyStep } from "../../../shaders/step/tally.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants } from "../shared/chip.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import { call } from "../shared/wasm-plan.ts";
import { advance, type RecordAttrs } from "./record.ts";

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
};
