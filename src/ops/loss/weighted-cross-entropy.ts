import { crossEntropyAloneParams } from "../../../shaders/loss/cross-entropy.ts";
import {
  weightedCrossEntropyAlone,
  weightedCrossEntropyRows,
  weightedCrossEntropyShortRows,
} from "../../../shaders/loss/weighted-cross-entropy.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { rowExpSum } from "../norm/row-exp.ts";
import {
  isShort,
  ownRowByFours,
  rowDispatch,
  rowLaunch,
  rowsByFours,
  SHORT_ROW,
  shortRowDispatch,
} from "../norm/row-plan.ts";
import { composed } from "../shared/composed.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float } from "../shared/wasm-plan.ts";
import { ALONE_ROWS, expectLogits, lossPlan } from "./cross-entropy.ts";
import { weightedCrossEntropyGradientOnChip, weightedCrossEntropyOnChip } from "./weighted-chip.ts";
import { slicedKernel } from "./weighted-slices.ts";

/** Cross-entropy with class weights and label smoothing; shaders/loss/weighted-cross-entropy.ts has the formula. */
export interface WeightedAttrs {
  /** Share of a row's target that is spread over all classes alike, from 0 up to 1. */
  readonly smoothing: number;
}

function check(op: { readonly name: string }, inputs: readonly TensorSpec[], at: number): void {
  expectLogits(op, inputs);
  const [weights, sums] = [inputs[at]!, inputs[at + 1]!];
  const classes = inputs[0]!.shape[1];
  if (weights.shape.length !== 1 || weights.shape[0] !== classes || sums.shape[0] !== 2) {
    wrongShapes(op, inputs, "logits [n, classes], i32 labels [n], ..., class weights [classes] and their sums [2]");
  }
}

/** loss [1] from logits, labels, class weights [classes] and their sums [2]; rows of a negative label do not count. */
export const weightedCrossEntropy: Op<WeightedAttrs> = {
  name: "weightedCrossEntropy",
  infer(inputs) {
    check(weightedCrossEntropy, inputs, 2);
    return [{ shape: [1], dtype: "f32" }];
  },
  reference([x, labels, weights, sums], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    let loss = 0;
    for (let row = 0; row < M; row++) {
      if (labels!.data[row]! < 0) continue;
      const { top, sum } = rowExpSum(x!, row);
      const term = (c: number): number => Math.log(sum) - (x!.data[row * N + c]! - top);
      const label = labels!.data[row]!;
      let smooth = 0;
      for (let c = 0; c < N; c++) smooth += weights!.data[c]! * term(c);
      loss += (1 - smoothing) * weights!.data[label]! * term(label) + (smoothing / N) * smooth;
    }
    const y = floatLike(x!, [1]);
    y.data[0] = loss / sums!.data[0]!;
    return [y];
  },
  wasm: ([x], _outputs, { smoothing }) => {
    const values = [input(0), input(1), input(2), input(3), output(0)];
    return call("weightedCrossEntropy", [...values, ...x!.shape, float(smoothing)]);
  },
  onChip: weightedCrossEntropyOnChip,
  lossPair: () => ({ backward: weightedCrossEntropyGradient, withGradient: weightedCrossEntropyWithGradient }),
  gradient: (g, { inputs: [x, labels, weights, sums], attrs }, [dloss]) => [
    g.one(weightedCrossEntropyGradient, [x!, labels!, dloss!, weights!, sums!], attrs, `d ${x!.name}`),
    null,
    null,
    null,
  ],
  kernels: [
    {
      name: "weightedCrossEntropy/row",
      plan: ([x], _o, { smoothing: extra }, caps) =>
        lossPlan(x!, weightedCrossEntropyRows("loss", rowsByFours(x!)), rowDispatch, caps, [input(2), input(3)], [], {
          extra,
          scale: 1,
        }),
    },
    {
      name: "weightedCrossEntropy/short",
      plan: ([x], _o, { smoothing: extra }, caps) => {
        const code = weightedCrossEntropyShortRows("loss", ownRowByFours(x!));
        return lossPlan(x!, code, shortRowDispatch, caps, [input(2), input(3)], [], { extra, scale: 1 });
      },
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
    slicedKernel("weightedCrossEntropy", "loss"),
  ],
};

/** dx = ((1 - s) w[label] (p - onehot(label)) + s / N (sums[1] p - w)) dloss / sums[0], p = softmax(x) */
export const weightedCrossEntropyGradient: Op<WeightedAttrs> = {
  name: "weightedCrossEntropyGradient",
  infer(inputs) {
    check(weightedCrossEntropyGradient, inputs, 3);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x, labels, dloss, weights, sums], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    const dx = floatLike(x!, [M, N]);
    const scale = dloss!.data[0]! / sums!.data[0]!;
    for (let row = 0; row < M; row++) {
      const label = labels!.data[row]!;
      if (label < 0) continue;
      const { top, sum } = rowExpSum(x!, row);
      const own = (1 - smoothing) * weights!.data[label]!;
      for (let j = 0; j < N; j++) {
        const p = Math.exp(x!.data[row * N + j]! - top) / sum;
        const spread = (smoothing / N) * (sums!.data[1]! * p - weights!.data[j]!);
        dx.data[row * N + j] = (own * (p - (j === label ? 1 : 0)) + spread) * scale;
      }
    }
    return [dx];
  },
  wasm: ([x], _outputs, { smoothing }) => {
    const values = [input(0), input(1), input(2), input(3), input(4), output(0)];
    return flatCall("weightedCrossEntropyGradient", [...values, ...x!.shape, float(smoothing)], x!);
  },
  onChip: weightedCrossEntropyGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "weightedCrossEntropyGradient/row",
      plan: ([x], _o, { smoothing }, caps) =>
        rowLaunch(weightedCrossEntropyRows("gradient", rowsByFours(x!)), x!, smoothing, gradientBindings, caps),
    },
    {
      name: "weightedCrossEntropyGradient/short",
      plan: ([x], _o, { smoothing }, caps) => ({
        launches: [
          shortRowDispatch(
            weightedCrossEntropyShortRows("gradient", ownRowByFours(x!)),
            x!,
            smoothing,
            gradientBindings,
            caps,
          ),
        ],
      }),
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
    slicedKernel("weightedCrossEntropyGradient", "gradient"),
  ],
};

const gradientBindings = [input(0), input(1), input(2), input(3), input(4), output(0)];
const bothBefore = [input(2), input(3), input(4)];

/** Loss and gradient in one pass, from logits, labels, dloss, class weights and their sums. */
export const weightedCrossEntropyWithGradient: Op<WeightedAttrs> = composed<WeightedAttrs>({
  name: "weightedCrossEntropyWithGradient",
  body: (attrs) => ({
    parts: [
      { op: weightedCrossEntropy, attrs, inputs: [{ input: 0 }, { input: 1 }, { input: 3 }, { input: 4 }] },
      { op: weightedCrossEntropyGradient, attrs, inputs: [0, 1, 2, 3, 4].map((k) => ({ input: k })) },
    ],
    outputs: [{ part: 0 }, { part: 1 }],
  }),
  kernels: [
    {
      name: "weightedCrossEntropyWithGradient/row",
      plan: ([x], _o, { smoothing: extra }, caps) => {
        const code = weightedCrossEntropyRows("both", rowsByFours(x!));
        return lossPlan(x!, code, rowDispatch, caps, bothBefore, [output(1)], { extra, scale: 1 });
      },
    },
    {
      name: "weightedCrossEntropyWithGradient/short",
      plan: ([x], _o, { smoothing: extra }, caps) => {
        const code = weightedCrossEntropyShortRows("both", ownRowByFours(x!));
        return lossPlan(x!, code, shortRowDispatch, caps, bothBefore, [output(1)], { extra, scale: 1 });
      },
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
    {
      name: "weightedCrossEntropyWithGradient/alone",
      plan([x], _o, { smoothing: scale }) {
        const [rows, N] = x!.shape as readonly [number, number];
        const params = crossEntropyAloneParams.pack({ rows, N, scale });
        const bindings = [input(0), input(1), ...bothBefore, output(0), output(1)];
        return {
          launches: [{ code: weightedCrossEntropyAlone(), params, bindings, workgroups: [1, 1, 1] }],
        };
      },
      suits: ([x]) => x!.shape[0]! <= ALONE_ROWS && x!.shape[1]! <= SHORT_ROW,
    },
    slicedKernel("weightedCrossEntropyWithGradient", "both"),
  ],
});
