import { MAX_PARTIALS, REDUCE_WORKGROUP, total, totalParams } from "../../../shaders/reduce.ts";
import {
  penaltyGradient as gradientCode,
  penaltyOf,
  penaltyParams,
  penaltyPartials,
  penaltySlope,
} from "../../../shaders/step/penalty.ts";
import { CONTROL } from "../../../shaders/step/step.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { constants } from "../shared/chip.ts";
import { flatLaunch, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float } from "../shared/wasm-plan.ts";

export interface PenaltyAttrs {
  readonly l1: number;
  readonly l2: number;
}

/** Elements that one workgroup takes by itself. */
const ALONE_SIZE = 4096;
export const groupsOf = (size: number): number =>
  size <= ALONE_SIZE ? 1 : Math.min(MAX_PARTIALS, Math.ceil(size / (4 * REDUCE_WORKGROUP)));

/** y [1] = l1 sum |w| + l2 sum w^2. Its gradient is penaltyGradient's to add, which saves a pass over the weights. */
export const penalty: Op<PenaltyAttrs> = {
  name: "penalty",
  infer: () => [{ shape: [1], dtype: "f32" }],
  reference([w], { l1, l2 }) {
    let sum = 0;
    for (const v of w!.data) sum += l1 * Math.abs(v) + l2 * v * v;
    const y = floatLike(w!, [1]);
    y.data[0] = sum;
    return [y];
  },
  wasm: ([w], _outputs, { l1, l2 }) => call("penalty", [input(0), output(0), sizeOf(w!.shape), float(l1), float(l2)]),
  gradient: "none",
  onChip(w, [x], [y], attrs) {
    const size = sizeOf(x!.shape);
    constants(w, "PenaltyParams", penaltyParams, { size, stride: 0, ...attrs });
    const sum = w.total([[0, size]], (i, partial) => w.add(`${partial} += ${penaltyOf(x!.at(i))};`));
    w.once(() => w.add(`${y!.at(0)} = ${sum};`));
  },
  kernels: [
    {
      name: "penalty/partials",
      plan([w], _outputs, { l1, l2 }) {
        const elements = sizeOf(w!.shape);
        const [four, size] = inFours(elements);
        const count = groupsOf(elements);
        const params = penaltyParams.pack({ size, stride: count * REDUCE_WORKGROUP, l1, l2 });
        const launch = { code: penaltyPartials(four), params, workgroups: [count, 1, 1] as const };
        if (count === 1) return { launches: [{ ...launch, bindings: [input(0), output(0)] }] };
        return {
          scratch: [{ shape: [count], dtype: "f32" }],
          launches: [
            { ...launch, bindings: [input(0), scratch(0, "read_write")] },
            {
              code: total(),
              params: totalParams.pack({ count, scale: 1 }),
              bindings: [scratch(0, "read"), output(0)],
              workgroups: [1, 1, 1],
            },
          ],
        };
      },
    },
  ],
};

/**
 * dy = dw + l1 sign(w) + 2 l2 w, from the gradient dw of the data's loss and w. Where dw is scaled, the numbers of a step,
 * control f32 [8], come third, and what is added is scaled alike.
 */
export const penaltyGradient: Op<PenaltyAttrs> = {
  name: "penaltyGradient",
  infer(inputs) {
    expectSame(penaltyGradient, inputs.slice(0, 2));
    return [{ shape: inputs[1]!.shape, dtype: "f32" }];
  },
  reference([dw, w, c], { l1, l2 }) {
    const dy = floatLike(dw!, dw!.shape);
    const scale = scaleIn(c);
    for (let i = 0; i < dy.data.length; i++) {
      const v = w!.data[i]!;
      dy.data[i] = dw!.data[i]! + scale * (l1 * Math.sign(v) + 2 * l2 * v);
    }
    return [dy];
  },
  wasm: (inputs, [dy], { l1, l2 }) =>
    inputs[2]
      ? null
      : flatCall("penaltyGradient", [input(0), input(1), output(0), sizeOf(dy!.shape), float(l1), float(l2)], dy!),
  gradient: "none",
  onChip(w, [dw, x], [dy], attrs) {
    constants(w, "PenaltyGradientParams", penaltyParams, { size: sizeOf(dw!.shape), stride: 0, ...attrs });
    w.eachOf(dy!, (i) => w.add(`${dy!.at(i)} = ${dw!.at(i)} + (${penaltySlope(x!.at(i))});`));
  },
  kernels: [
    {
      name: "penaltyGradient/flat",
      plan(inputs, [dw], { l1, l2 }, caps) {
        const [four, size] = inFours(sizeOf(dw!.shape));
        const params = penaltyParams.pack({ size, stride: 0, l1, l2 });
        const bindings = [...inputs.map((_, i) => input(i)), output(0)];
        return { launches: [flatLaunch(gradientCode(inputs.length > 2, four), params, bindings, size, caps)] };
      },
    },
  ],
};

/** By how much dw is scaled. */
export const scaleIn = (control: NdArray | undefined): number => control?.data[CONTROL.scale] ?? 1;
