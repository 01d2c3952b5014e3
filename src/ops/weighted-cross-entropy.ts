import { crossEntropyAloneParams } from "../../shaders/cross-entropy.ts";
import {
  weightedCrossEntropyAlone,
  weightedCrossEntropyRows,
  weightedCrossEntropyShortRows,
} from "../../shaders/weighted-cross-entropy.ts";
import type { NdArray } from "../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../graph/graph.ts";
import type { Op, OpCase } from "../graph/op.ts";
import { weightedCrossEntropyGradientOnChip, weightedCrossEntropyOnChip } from "./chip-rows.ts";
import { composed } from "./composed.ts";
import { ALONE_ROWS, expectLogits, lossPlan } from "./cross-entropy.ts";
import { input, output } from "./plan.ts";
import { boundLike, errorAt, floatLike, gamma, TINY, U } from "./rounding.ts";
import { rowDispatch, rowLaunch, SHORT_ROW, shortRowDispatch } from "./row-plan.ts";
import { expRowError, rowExpSum } from "./softmax.ts";
import { call, flatCall, float } from "./wasm-plan.ts";

/** Cross-entropy with class weights and label smoothing; shaders/weighted-cross-entropy.ts has the formula. */
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

/** loss [1] from logits, labels, class weights [classes] and their sums [2]. */
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
        lossPlan(x!, weightedCrossEntropyRows("loss"), rowDispatch, caps, [input(2), input(3)], [], {
          extra,
          scale: 1,
        }),
    },
    {
      name: "weightedCrossEntropy/short",
      plan: ([x], _o, { smoothing: extra }, caps) => {
        const code = weightedCrossEntropyShortRows("loss");
        return lossPlan(x!, code, shortRowDispatch, caps, [input(2), input(3)], [], { extra, scale: 1 });
      },
      suits: ([x]) => x!.shape[1]! <= SHORT_ROW,
    },
  ],
  bound([x, labels, weights, sums], [ex, , ew, esums], [y], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    let bound = 0;
    let size = 0;
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      const relative = expRowError(x!, ex ?? null, row).sum;
      const add = (c: number, share: number): void => {
        const weight = weights!.data[c]!;
        const d = Math.abs(x!.data[row * N + c]! - top);
        const term = Math.log(sum) + d;
        // log is within 2^-21 absolutely in [0.5, 2] and 3 ulp elsewhere.
        const e = relative + 2 ** -21 + 6 * U * Math.log(sum) + errorAt(ex, row * N + c) + 3 * U * term;
        bound += share * (weight * e + errorAt(ew, c) * (term + e));
        size += share * weight * term;
      };
      add(labels!.data[row]!, 1 - smoothing);
      for (let c = 0; c < N; c++) add(c, smoothing / N);
    }
    const out = boundLike(y!);
    const total = sums!.data[0]!;
    const off = errorAt(esums, 0) / total;
    out.data[0] = (bound + gamma(M + N + 8) * size) / total + (1.01 * off * (size + bound)) / total;
    return [out];
  },
  cases: weightedCases().map((c) => ({ ...c, inputs: [...c.inputs.slice(0, 2), ...c.inputs.slice(3)] })),
};

/** p and its error bound, for each class of a row. */
function probabilities(x: NdArray, ex: NdArray | null, row: number) {
  const N = x.shape[1]!;
  const { top, sum } = rowExpSum(x, row);
  const error = expRowError(x, ex, row);
  return (j: number): { p: number; e: number } => {
    const p = Math.exp(x.data[row * N + j]! - top) / sum;
    return { p, e: p * (error.term(j) + error.sum + 6 * U) * 1.01 + TINY };
  };
}

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
      const { top, sum } = rowExpSum(x!, row);
      const label = labels!.data[row]!;
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
        rowLaunch(weightedCrossEntropyRows("gradient"), x!, smoothing, gradientBindings, caps),
    },
    {
      name: "weightedCrossEntropyGradient/short",
      plan: ([x], _o, { smoothing }, caps) => ({
        launches: [shortRowDispatch(weightedCrossEntropyShortRows("gradient"), x!, smoothing, gradientBindings, caps)],
      }),
      suits: ([x]) => x!.shape[1]! <= SHORT_ROW,
    },
  ],
  bound([x, labels, dloss, weights, sums], [ex, , edloss, ew, esums], [dx], { smoothing }) {
    const [M, N] = x!.shape as readonly [number, number];
    const out = boundLike(dx!);
    const [total, all] = sums!.data as unknown as readonly [number, number];
    const scale = Math.abs(dloss!.data[0]!) / total;
    const eScale = errorAt(edloss, 0) / total + (4 * U + (1.01 * errorAt(esums, 0)) / total) * scale;
    const share = smoothing / N;
    for (let row = 0; row < M; row++) {
      const probability = probabilities(x!, ex ?? null, row);
      const label = labels!.data[row]!;
      const own = (1 - smoothing) * weights!.data[label]!;
      const eOwn = errorAt(ew, label) + 3 * U * own;
      for (let j = 0; j < N; j++) {
        const { p, e } = probability(j);
        const weight = weights!.data[j]!;
        const pull = Math.abs(p - (j === label ? 1 : 0));
        const spread = share * (all * p + weight);
        const eSpread = share * (all * e + errorAt(esums, 1) * (p + e) + errorAt(ew, j)) + 5 * U * spread;
        const value = own * pull + spread;
        const eValue = own * (e + U * pull) + eOwn * (pull + e) + eSpread + 2 * U * value;
        out.data[row * N + j] = eValue * (scale + eScale) + value * eScale + TINY;
      }
    }
    return [out];
  },
  cases: weightedCases(),
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
        const code = weightedCrossEntropyRows("both");
        return lossPlan(x!, code, rowDispatch, caps, bothBefore, [output(1)], { extra, scale: 1 });
      },
    },
    {
      name: "weightedCrossEntropyWithGradient/short",
      plan: ([x], _o, { smoothing: extra }, caps) => {
        const code = weightedCrossEntropyShortRows("both");
        return lossPlan(x!, code, shortRowDispatch, caps, bothBefore, [output(1)], { extra, scale: 1 });
      },
      suits: ([x]) => x!.shape[1]! <= SHORT_ROW,
    },
    {
      name: "weightedCrossEntropyWithGradient/alone",
      plan([x], _o, { smoothing: scale }) {
        const [rows, N] = x!.shape as readonly [number, number];
        const params = crossEntropyAloneParams.pack({ rows, N, scale });
        const bindings = [input(0), input(1), ...bothBefore, output(0), output(1)];
        return { launches: [{ code: weightedCrossEntropyAlone(), params, bindings, workgroups: [1, 1, 1] }] };
      },
      suits: ([x]) => x!.shape[0]! <= ALONE_ROWS && x!.shape[1]! <= SHORT_ROW,
    },
  ],
  cases: weightedCases(),
});

function weightedCases(): readonly OpCase<WeightedAttrs>[] {
  return (
    [
      [1, 2, 0.1],
      [3, 5, 0],
      [17, 10, 0.2],
      [130, 3, 0.05],
      [4, 200, 0.5],
    ] as const
  ).map(([M, N, smoothing]) => ({
    name: `${M}x${N}, smoothing ${smoothing}`,
    inputs: [
      { shape: [M, N], dtype: "f32", scale: 3 },
      { shape: [M], dtype: "i32", fill: "classes", below: N },
      { shape: [1], dtype: "f32", fill: [1.25] },
      { shape: [N], dtype: "f32", fill: "positive", scale: 3 },
      { shape: [2], dtype: "f32", fill: [1.5 * M, 1.5 * N] },
    ],
    attrs: { smoothing },
  }));
}
