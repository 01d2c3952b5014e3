import { cellTexts } from "../../../shaders/recurrent/cells.ts";
import { recurrentStepParams, recurrentStepSums, recurrentStepUnits } from "../../../shaders/text/recurrent-step.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Binding, Op } from "../../graph/op.ts";
import { type CellName, cells } from "../recurrent/cells.ts";
import { plain } from "../recurrent/reference.ts";
import { flatLaunch, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { partsOf } from "../shared/wasm-plan.ts";

export interface RecurrentStepAttrs {
  readonly cell: CellName;
}

/** The state before the step, to be read. */
const before: Binding = { kind: "output", index: 1, access: "read" };

/**
 * One step of a recurrence: y [1, 1, h] from x [1, 1, gates h], w [gates h, h] and both biases, and `state` [2, h], which
 * holds output and cell of the step before it, and then its own; zeros before the first.
 */
export const recurrentStep: Op<RecurrentStepAttrs> = {
  name: "recurrentStep",
  infer(inputs) {
    const [x, w, , , state] = inputs;
    const h = w!.shape[1]!;
    const fits = x!.shape.join() === `1,1,${w!.shape[0]}` && state!.shape.join() === `2,${h}`;
    if (!fits) wrongShapes(recurrentStep, inputs, "x [1, 1, gates h], w [gates h, h], two biases and a state [2, h]");
    return [{ shape: [1, 1, h], dtype: "f32" }, state!];
  },
  reference([x, w, inputBias, hiddenBias, state], { cell: name }) {
    const cell = cells[name];
    const h = w!.shape[1]!;
    const was = Float64Array.from(state!.data);
    const sums = Float64Array.from(hiddenBias!.data, (bias, q) => {
      let sum = bias;
      for (let k = 0; k < h; k++) sum += w!.data[q * h + k]! * was[k]!;
      return sum;
    });
    const y = floatLike(x!, [1, 1, h]);
    const gates = Array.from({ length: cell.gates }, (_, g) => g * h);
    for (let j = 0; j < h; j++) {
      const own = gates.map((g) => x!.data[g + j]! + inputBias!.data[g + j]!);
      const hidden = gates.map((g) => sums[g + j]!);
      const made = cell.step(plain, own, hidden, was[j]!, was[h + j]!);
      y.data[j] = made.y;
      state!.data[j] = made.y;
      state!.data[h + j] = cell.cell < 0 ? 0 : made.saved[cell.cell]!;
    }
    return [y, state!];
  },
  wasm([, w], _outputs, { cell: name }) {
    const { saved, cell } = cells[name];
    const h = w!.shape[1]!;
    const size = sizeOf(w!.shape) / h;
    const [sums, kept] = [scratch(0, "read_write"), scratch(1, "read_write")];
    return {
      scratch: [
        { shape: [size], dtype: "f32" },
        { shape: [Math.max(1, saved) * h], dtype: "f32" },
      ],
      calls: [
        { fn: "stateSums", args: [input(1), output(1), sums, size, h], parts: partsOf(size * h) },
        {
          fn: `${name}Step`,
          args: [input(0), sums, input(2), input(3), output(1), output(0), kept, h, cell],
          parts: 1,
        },
      ],
    };
  },
  gradient: "none",
  inPlace: [[1, 4]],
  kernels: [
    {
      name: "recurrentStep/units",
      plan([, w], _outputs, { cell }, caps) {
        const h = w!.shape[1]!;
        const size = sizeOf(w!.shape) / h;
        const [four, terms] = inFours(h);
        const sumParams = recurrentStepParams.pack({ size, h: terms });
        const sums = [input(1), input(3), before, scratch(0, "read_write")];
        const units = [input(0), input(2), scratch(0, "read"), output(0), output(1)];
        return {
          scratch: [{ shape: [size], dtype: "f32" }],
          launches: [
            flatLaunch(recurrentStepSums(four), sumParams, sums, size, caps),
            flatLaunch(recurrentStepUnits(cellTexts[cell]), recurrentStepParams.pack({ size: h, h }), units, h, caps),
          ],
        };
      },
    },
  ],
};
