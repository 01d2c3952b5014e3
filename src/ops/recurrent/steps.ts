import {
  lastStep as lastCode,
  lastStepGradient as lastGradientCode,
  meanSteps as meanCode,
  meanStepsGradient as meanGradientCode,
  previousSteps as previousCode,
  stepsParams,
} from "../../../shaders/recurrent/steps.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { expectRank, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Kernel, Op } from "../../graph/op.ts";
import { flatLaunch, inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, partsOf } from "../shared/wasm-plan.ts";
import type { RecurrentAttrs } from "./dims.ts";
import { lengthOf } from "./reference.ts";
import { eachStepOnChip, ofStepsOnChip, previousStepsOnChip } from "./steps-chip.ts";

/** Settings of the gradients of lastStep and meanSteps. */
export interface StepsAttrs {
  /** Steps of x. */
  readonly steps: number;
}

/** y [n, t, k] = x of the step before, in the order in which a recurrence goes; 0 at its first. */
export const previousSteps: Op<RecurrentAttrs> = {
  name: "previousSteps",
  infer(inputs) {
    expectRank(previousSteps, inputs, [3]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x], { reverse }) {
    const [rows, steps, width] = x!.shape as readonly [number, number, number];
    const y = floatLike(x!, x!.shape);
    for (let row = 0; row < rows; row++) {
      const from = row * steps * width;
      const kept = x!.data.subarray(from + (reverse ? width : 0), from + steps * width - (reverse ? 0 : width));
      y.data.set(kept as Float64Array, from + (reverse ? 0 : width));
    }
    return [y];
  },
  wasm: ([x], _outputs, { reverse }) =>
    flatCall("previousSteps", [input(0), output(0), ...x!.shape, reverse ? 1 : 0], x!),
  onChip: previousStepsOnChip,
  gradient: "none",
  kernels: [
    {
      name: "previousSteps/flat",
      plan([x], _o, { reverse }, caps) {
        const [, steps, width] = x!.shape as readonly [number, number, number];
        const [four, units] = inFours(width);
        const size = (sizeOf(x!.shape) / width) * units;
        const params = stepsParams.pack({ size, steps, width: units, reverse: reverse ? 1 : 0 });
        return { launches: [flatLaunch(previousCode(four), params, [input(0), output(0)], size, caps)] };
      },
    },
  ],
};

/** Throws where there is more than an array of rank `rank` and perhaps lengths, i32 [n]. */
function expectSteps(op: { readonly name: string }, inputs: readonly TensorSpec[], rank: number, what: string): void {
  const [x, lengths] = inputs;
  const fits =
    x?.shape.length === rank &&
    inputs.length < 3 &&
    (lengths === undefined || (lengths.dtype === "i32" && lengths.shape.join() === `${x.shape[0]}`));
  if (!fits) wrongShapes(op, inputs, `${what} and perhaps lengths, i32 [n]`);
}

/** An invocation an element of the output, or four of them that lie side by side. */
function flatKernel<A>(
  name: string,
  code: (lengths: boolean, four: boolean) => string,
  steps: (inputs: readonly TensorSpec[], attrs: A) => number,
): Kernel<A> {
  return {
    name: `${name}/flat`,
    plan(inputs, [y], attrs, caps) {
      const width = y!.shape.at(-1)!;
      const [four, units] = inFours(width);
      const size = (sizeOf(y!.shape) / width) * units;
      const params = stepsParams.pack({ size, steps: steps(inputs, attrs), width: units, reverse: 0 });
      const bindings = [...inputs.map((_, i) => input(i)), output(0)];
      return { launches: [flatLaunch(code(inputs.length > 1, four), params, bindings, size, caps)] };
    },
  };
}

/** What a row's steps weigh in its result: the last that counts (`mean` false), or all that count the same. */
export const stepWeight = (mean: boolean, t: number, count: number): number => {
  if (mean) return t < count ? 1 / count : 0;
  return t === count - 1 ? 1 : 0;
};

function ofSteps(
  name: "lastStep" | "meanSteps",
  mean: boolean,
  code: (lengths: boolean, four: boolean) => string,
  gradientCode: (lengths: boolean, four: boolean) => string,
): { forward: Op<null>; backward: Op<StepsAttrs> } {
  const forward: Op<null> = {
    name,
    infer(inputs) {
      expectSteps(forward, inputs, 3, "x [n, t, k]");
      const [n, , k] = inputs[0]!.shape as readonly [number, number, number];
      return [{ shape: [n, k], dtype: "f32" }];
    },
    reference([x, lengths]) {
      const [rows, steps, width] = x!.shape as readonly [number, number, number];
      const y = floatLike(x!, [rows, width]);
      for (let row = 0; row < rows; row++) {
        const count = lengthOf(lengths, row, steps);
        for (let j = 0; j < width; j++) {
          let sum = 0;
          for (let t = mean ? 0 : Math.max(0, count - 1); t < count; t++) {
            sum += x!.data[(row * steps + t) * width + j]!;
          }
          y.data[row * width + j] = mean ? sum / Math.max(1, count) : sum;
        }
      }
      return [y];
    },
    wasm: (inputs, _outputs) => {
      const [x] = inputs;
      const given = inputs.length > 1 ? [input(1), 1] : [input(0), 0];
      return call("ofSteps", [input(0), ...given, output(0), ...x!.shape, mean ? 1 : 0], partsOf(sizeOf(x!.shape)));
    },
    onChip: (w, inputs, outputs) => ofStepsOnChip(w, inputs, outputs[0]!, mean),
    gradient: (g, { inputs: [x, lengths] }, [dy]) => [
      g.one(backward, lengths ? [dy!, lengths] : [dy!], { steps: x!.shape[1]! }, `d ${x!.name}`),
      ...(lengths ? [null] : []),
    ],
    kernels: [flatKernel<null>(name, code, ([x]) => x!.shape[1]!)],
  };
  const backward: Op<StepsAttrs> = {
    name: `${name}Gradient`,
    infer(inputs, { steps }) {
      expectSteps(backward, inputs, 2, "dy [n, k]");
      const [n, k] = inputs[0]!.shape as readonly [number, number];
      return [{ shape: [n, steps, k], dtype: "f32" }];
    },
    reference([dy, lengths], { steps }) {
      const [rows, width] = dy!.shape as readonly [number, number];
      const dx = floatLike(dy!, [rows, steps, width]);
      for (let row = 0; row < rows; row++) {
        const count = lengthOf(lengths, row, steps);
        for (let t = 0; t < count; t++) {
          const share = stepWeight(mean, t, count);
          if (share === 0) continue;
          for (let j = 0; j < width; j++) dx.data[(row * steps + t) * width + j] = dy!.data[row * width + j]! * share;
        }
      }
      return [dx];
    },
    wasm(inputs, [dx]) {
      const given = inputs.length > 1 ? [input(1), 1] : [input(0), 0];
      return flatCall("ofStepsGradient", [input(0), ...given, output(0), ...dx!.shape, mean ? 1 : 0], dx!);
    },
    onChip: (w, inputs, outputs) => eachStepOnChip(w, inputs, outputs[0]!, mean),
    gradient: "none",
    kernels: [flatKernel<StepsAttrs>(`${name}Gradient`, gradientCode, (_inputs, { steps }) => steps)],
  };
  return { forward, backward };
}

/** y [n, k]: of x [n, t, k] each row's last step, or the last of its first `lengths` (i32 [n]) steps; 0 of no step. */
export const { forward: lastStep, backward: lastStepGradient } = ofSteps("lastStep", false, lastCode, lastGradientCode);
/** y [n, k]: of x [n, t, k] the mean of each row's steps, or of its first `lengths` (i32 [n]) ones; 0 of no step. */
export const { forward: meanSteps, backward: meanStepsGradient } = ofSteps(
  "meanSteps",
  true,
  meanCode,
  meanGradientCode,
);
