import {
  crossEntropyAlone,
  crossEntropyAloneParams,
  crossEntropyRows,
  crossEntropyShortRows,
} from "../../../shaders/loss/cross-entropy.ts";
import { total, totalParams } from "../../../shaders/reduce.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import { expectRank, wrongShapes } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch, Op } from "../../graph/op.ts";
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
import { crossEntropyGradientOnChip, crossEntropyOnChip } from "../norm/rows-chip.ts";
import { composed } from "../shared/composed.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall } from "../shared/wasm-plan.ts";

export function expectLogits(op: { readonly name: string }, inputs: readonly TensorSpec[]): void {
  expectRank(op, inputs.slice(0, 2), [2, 1]);
  const [x, labels] = inputs as readonly [TensorSpec, TensorSpec];
  if (x.shape[0] !== labels.shape[0] || labels.dtype !== "i32") {
    wrongShapes(op, inputs, "logits [n, classes] and i32 class indices [n]");
  }
}

const gradientBindings = [input(0), input(1), input(2), output(0)];

/** Losses of all rows (and whatever else the code computes), then their sum times `scale`; by default their mean. */
export function lossPlan(
  x: TensorSpec,
  code: string,
  dispatch: typeof rowDispatch,
  caps: DeviceCaps,
  before: readonly Binding[] = [],
  behind: readonly Binding[] = [],
  { extra, scale } = { extra: 1 / x.shape[0]!, scale: 1 / x.shape[0]! },
): KernelPlan {
  const count = x.shape[0]!;
  const bindings = [input(0), input(1), ...before, scratch(0, "read_write"), ...behind];
  const perRow = dispatch(code, x, extra, bindings, caps);
  const mean = summed(scratch(0, "read"), count, scale);
  return { scratch: [{ shape: [count], dtype: "f32" }], launches: [perRow, mean] };
}

/** Output 0: the sum of so many losses, times `scale`. */
export const summed = (losses: Binding, count: number, scale: number): Launch => ({
  code: total(),
  params: totalParams.pack({ count, scale }),
  bindings: [losses, output(0)],
  workgroups: [1, 1, 1],
});

/** loss [1] = mean over rows of log(sum exp(x)) - x[label]: cross-entropy from logits and class indices. */
export const crossEntropy: Op<null> = {
  name: "crossEntropy",
  infer(inputs) {
    expectLogits(crossEntropy, inputs);
    return [{ shape: [1], dtype: "f32" }];
  },
  reference([x, labels]) {
    const [M, N] = x!.shape as readonly [number, number];
    let loss = 0;
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      loss += Math.log(sum) - (x!.data[row * N + labels!.data[row]!]! - top);
    }
    const y = floatLike(x!, [1]);
    y.data[0] = loss / M;
    return [y];
  },
  wasm: ([x]) => call("crossEntropy", [input(0), input(1), output(0), ...x!.shape]),
  onChip: crossEntropyOnChip,
  lossPair: () => ({ backward: crossEntropyGradient, withGradient: crossEntropyWithGradient }),
  gradient: (g, { inputs: [x, labels] }, [dloss]) => [
    g.one(crossEntropyGradient, [x!, labels!, dloss!], null, `d ${x!.name}`),
    null,
  ],
  kernels: [
    {
      name: "crossEntropy/row",
      plan: ([x], _o, _a, caps) => lossPlan(x!, crossEntropyRows("loss", rowsByFours(x!)), rowDispatch, caps),
    },
    {
      name: "crossEntropy/short",
      plan: ([x], _o, _a, caps) =>
        lossPlan(x!, crossEntropyShortRows("loss", ownRowByFours(x!)), shortRowDispatch, caps),
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
  ],
};

/** dx = (softmax(x) - onehot(label)) dloss / rows */
export const crossEntropyGradient: Op<null> = {
  name: "crossEntropyGradient",
  infer(inputs) {
    expectLogits(crossEntropyGradient, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x, labels, dloss]) {
    const [M, N] = x!.shape as readonly [number, number];
    const dx = floatLike(x!, [M, N]);
    const scale = dloss!.data[0]! / M;
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      for (let j = 0; j < N; j++) {
        const p = Math.exp(x!.data[row * N + j]! - top) / sum;
        dx.data[row * N + j] = (p - (j === labels!.data[row] ? 1 : 0)) * scale;
      }
    }
    return [dx];
  },
  wasm: ([x]) => flatCall("crossEntropyGradient", [input(0), input(1), input(2), output(0), ...x!.shape], x!),
  onChip: crossEntropyGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "crossEntropyGradient/row",
      plan: ([x], _o, _a, caps) =>
        rowLaunch(crossEntropyRows("gradient", rowsByFours(x!)), x!, 1 / x!.shape[0]!, gradientBindings, caps),
    },
    {
      name: "crossEntropyGradient/short",
      plan: ([x], _o, _a, caps) => ({
        launches: [
          shortRowDispatch(
            crossEntropyShortRows("gradient", ownRowByFours(x!)),
            x!,
            1 / x!.shape[0]!,
            gradientBindings,
            caps,
          ),
        ],
      }),
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
  ],
};

/** Rows that one workgroup takes by itself. */
export const ALONE_ROWS = 1024;

/** Loss and gradient in one pass, from logits, labels and dloss. */
export const crossEntropyWithGradient: Op<null> = composed({
  name: "crossEntropyWithGradient",
  body: () => ({
    parts: [
      { op: crossEntropy, attrs: null, inputs: [{ input: 0 }, { input: 1 }] },
      { op: crossEntropyGradient, attrs: null, inputs: [{ input: 0 }, { input: 1 }, { input: 2 }] },
    ],
    outputs: [{ part: 0 }, { part: 1 }],
  }),
  kernels: [
    {
      name: "crossEntropyWithGradient/row",
      plan: ([x], _o, _a, caps) =>
        lossPlan(x!, crossEntropyRows("both", rowsByFours(x!)), rowDispatch, caps, [input(2)], [output(1)]),
    },
    {
      name: "crossEntropyWithGradient/short",
      plan: ([x], _o, _a, caps) =>
        lossPlan(x!, crossEntropyShortRows("both", ownRowByFours(x!)), shortRowDispatch, caps, [input(2)], [output(1)]),
      suits: ([x], _a, caps) => isShort(x!, caps),
    },
    {
      name: "crossEntropyWithGradient/alone",
      plan([x]) {
        const [rows, N] = x!.shape as readonly [number, number];
        const params = crossEntropyAloneParams.pack({ rows, N, scale: 1 / rows });
        const bindings = [input(0), input(1), input(2), output(0), output(1)];
        return { launches: [{ code: crossEntropyAlone(), params, bindings, workgroups: [1, 1, 1] }] };
      },
      suits: ([x]) => x!.shape[0]! <= ALONE_ROWS && x!.shape[1]! <= SHORT_ROW,
    },
  ],
});
