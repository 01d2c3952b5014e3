import { movingAverage as code, movingAverageParams, movingAverageStep } from "../../../shaders/step/moving-average.ts";
import { CONTROL } from "../../../shaders/step/step.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { constants } from "../shared/chip.ts";
import { flatLaunch, flatWindows, input, output } from "../shared/dispatch-plan.ts";
import { call, float, partsOf } from "../shared/wasm-plan.ts";

export interface MovingAverageAttrs {
  /** How much of the average stays from one step to the next. */
  readonly decay: number;
}

/**
 * average in place, from the parameters after the update and control: average + (1 - decay) (parameters - average), as
 * torch.lerp has it; unchanged behind a closed gate.
 */
export const movingAverage: Op<MovingAverageAttrs> = {
  name: "movingAverage",
  infer(inputs) {
    expectSame(movingAverage, inputs.slice(0, 2));
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([average, p, c], { decay }) {
    if (c!.data[CONTROL.gate] !== 0) {
      for (let i = 0; i < average!.data.length; i++) {
        average!.data[i] = average!.data[i]! + (1 - decay) * (p!.data[i]! - average!.data[i]!);
      }
    }
    return [average!];
  },
  wasm(inputs, _outputs, { decay }) {
    const size = sizeOf(inputs[0]!.shape);
    return call("movingAverage", [output(0), input(1), input(2), size, float(1 - decay)], partsOf(size));
  },
  gradient: "none",
  onChip(w, [, p, c], [average], { decay }) {
    constants(w, "MovingAverageParams", movingAverageParams, { size: sizeOf(p!.shape), rate: 1 - decay });
    w.add(`let rate = select(0.0, params.rate, ${c!.at(CONTROL.gate)} != 0.0);`);
    w.eachOf(average!, (i) => w.add(movingAverageStep(average!.at(i), p!.at(i)), 2));
  },
  inPlace: [[0, 0]],
  kernels: [
    {
      name: "movingAverage/flat",
      plan(inputs, _outputs, { decay }, caps) {
        const size = sizeOf(inputs[0]!.shape);
        const vector = size % 4 === 0;
        return flatWindows(size, caps, (window, n) => {
          const items = vector ? n / 4 : n;
          const params = movingAverageParams.pack({ size: items, rate: 1 - decay });
          return flatLaunch(code(vector), params, [window(output(0)), window(input(1)), input(2)], items, caps);
        });
      },
    },
  ],
};
