import {
  logSoftmaxGradient as gradientCode,
  logSoftmax as logSoftmaxCode,
  logSoftmaxGradientOf,
  logSoftmaxOf,
} from "../../../shaders/norm/log-softmax.ts";
import { expectRank, expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { COST, rowElement } from "../shared/chip.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { rowExpSum } from "./row-exp.ts";
import { rowKernels, rowsByFours } from "./row-plan.ts";
import { rowsPlan } from "./row-windows.ts";
import { expSumOnChip } from "./rows-chip.ts";

/** y = log(softmax(x)), each row of x [M, N] by itself; never the logarithm of a probability. */
export const logSoftmax: Op<null> = {
  name: "logSoftmax",
  infer(inputs) {
    expectRank(logSoftmax, inputs, [2]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x]) {
    const [M, N] = x!.shape as readonly [number, number];
    const y = floatLike(x!, [M, N]);
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      for (let j = row * N; j < row * N + N; j++) y.data[j] = x!.data[j]! - top - Math.log(sum);
    }
    return [y];
  },
  wasm: (_inputs, [y]) => flatCall("logSoftmax", [input(0), output(0), ...y!.shape], y!),
  onChip(w, [x], [y]) {
    const [M, N] = x!.shape as readonly [number, number];
    w.each(M, (row) => {
      expSumOnChip(w, x!, row);
      w.add("let logSum = log(sum);", COST.function);
      w.loop(0, N, (j) => w.add(`${rowElement(y!, row, j)} = ${logSoftmaxOf(rowElement(x!, row, j))};`));
    });
  },
  gradient: (g, { inputs: [x], outputs: [y] }, [dy]) => [g.one(logSoftmaxGradient, [dy!, y!], null, `d ${x!.name}`)],
  kernels: rowKernels("logSoftmax", (width, x, caps) =>
    rowsPlan(logSoftmaxCode(rowsByFours(x), width), x, [input(0), output(0)], caps),
  ),
};

/** dx = dy - exp(y) sum(dy), row by row. */
export const logSoftmaxGradient: Op<null> = {
  name: "logSoftmaxGradient",
  infer(inputs) {
    expectRank(logSoftmaxGradient, inputs, [2, 2]);
    expectSame(logSoftmaxGradient, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([dy, y]) {
    const [M, N] = y!.shape as readonly [number, number];
    const dx = floatLike(dy!, [M, N]);
    for (let row = 0; row < M; row++) {
      let all = 0;
      for (let j = row * N; j < row * N + N; j++) all += dy!.data[j]!;
      for (let j = row * N; j < row * N + N; j++) dx.data[j] = dy!.data[j]! - Math.exp(y!.data[j]!) * all;
    }
    return [dx];
  },
  wasm: (_inputs, [dx]) => flatCall("logSoftmaxGradient", [input(0), input(1), output(0), ...dx!.shape], dx!),
  onChip(w, [dy, y], [dx]) {
    const [M, N] = y!.shape as readonly [number, number];
    w.each(M, (row) => {
      w.add("var all = 0.0;");
      w.loop(0, N, (j) => w.add(`all += ${rowElement(dy!, row, j)};`));
      w.loop(0, N, (j) => {
        const value = logSoftmaxGradientOf(rowElement(dy!, row, j), rowElement(y!, row, j));
        w.add(`${rowElement(dx!, row, j)} = ${value};`, COST.function);
      });
    });
  },
  gradient: "none",
  kernels: rowKernels("logSoftmaxGradient", (width, dy, caps) =>
    rowsPlan(gradientCode(rowsByFours(dy), width), dy, [input(0), input(1), output(0)], caps),
  ),
};
