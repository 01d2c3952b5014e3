import type { OpCase, Proof } from "../../graph/op.ts";
import { type Bounded, bounded, reader, sumOf } from "../recurrent/bounded.ts";
import { cells } from "../recurrent/cells.ts";
import { boundLike } from "../shared/rounding.ts";
import type { RecurrentStepAttrs } from "./recurrent-step.ts";

/** As a step of the recurrence over all of them, from a state that may be off itself. */
export const recurrentStep: Proof<RecurrentStepAttrs> = {
  bound(inputs, errors, [y, kept], { cell: name }) {
    const cell = cells[name];
    const of = (k: number) => reader(inputs[k], errors[k]);
    const [x, w, inputBias, hiddenBias, state] = [of(0), of(1), of(2), of(3), of(4)] as const;
    const h = inputs[1]!.shape[1]!;
    const [by, bs] = [boundLike(y!), boundLike(kept!)];
    for (let j = 0; j < h; j++) {
      const gates = Array.from({ length: cell.gates }, (_, g) => g * h + j);
      const own = gates.map((q) => bounded.add(x(q), inputBias(q)));
      const hidden = gates.map((q): Bounded => sumOf(h, (k) => w(q * h + k), state, hiddenBias(q)));
      const made = cell.step(bounded, own, hidden, state(j), state(h + j));
      by.data[j] = made.y.e;
      bs.data[j] = made.y.e;
      bs.data[h + j] = cell.cell < 0 ? 0 : made.saved[cell.cell]!.e;
    }
    return [by, bs];
  },
  cases: [
    stepCase("lstm", 1),
    stepCase("lstm", 5),
    stepCase("lstm", 300),
    stepCase("gru", 4),
    stepCase("gru", 130),
    stepCase("rnn", 6),
    stepCase("rnnRelu", 7),
  ],
};

function stepCase(cell: RecurrentStepAttrs["cell"], h: number): OpCase<RecurrentStepAttrs> {
  const width = cells[cell].gates * h;
  const scale = 1 / Math.sqrt(h);
  return {
    name: `${cell} of ${h}`,
    inputs: [
      { shape: [1, 1, width], dtype: "f32" },
      { shape: [width, h], dtype: "f32", scale },
      { shape: [width], dtype: "f32", scale },
      { shape: [width], dtype: "f32", scale },
      { shape: [2, h], dtype: "f32", scale: 0.5 },
    ],
    attrs: { cell },
  };
}
