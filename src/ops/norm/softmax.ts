import { softmaxGradient as gradientCode, softmax as softmaxCode } from "../../../shaders/norm/rows.ts";
import { expectRank, expectSame } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { rowExpSum } from "./row-exp.ts";
import { rowKernels, rowsByFours } from "./row-plan.ts";
import { rowsPlan } from "./row-windows.ts";
import { softmaxGradientOnChip, softmaxOnChip } from "./softmax-chip.ts";

/** y = softmax(x), each row of x [M, N] by itself. */
export const softmax: Op<null> = {
  name: "softmax",
  infer(inputs) {
    expectRank(softmax, inputs, [2]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([x]) {
    const [M, N] = x!.shape as readonly [number, number];
    const y = floatLike(x!, [M, N]);
    for (let row = 0; row < M; row++) {
      const { top, sum } = rowExpSum(x!, row);
      for (let j = 0; j < N; j++) y.data[row * N + j] = Math.exp(x!.data[row * N + j]! - top) / sum;
    }
    return [y];
  },
  wasm: (_inputs, [y]) => flatCall("softmax", [input(0), output(0), ...y!.shape], y!),
  onChip: softmaxOnChip,
  gradient: (g, { inputs: [x], outputs: [y] }, [dy]) => [g.one(softmaxGradient, [dy!, y!], null, `d ${x!.name}`)],
  kernels: rowKernels("softmax", (width, x, caps) =>
    rowsPlan(softmaxCode(rowsByFours(x), width), x, [input(0), output(0)], caps),
  ),
};

/** dx = y (dy - sum(dy y)), row by row. */
export const softmaxGradient: Op<null> = {
  name: "softmaxGradient",
  infer(inputs) {
    expectSame(softmaxGradient, inputs);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference([dy, y]) {
    const [M, N] = y!.shape as readonly [number, number];
    const dx = floatLike(dy!, [M, N]);
    for (let row = 0; row < M; row++) {
      let dot = 0;
      for (let j = row * N; j < row * N + N; j++) dot += dy!.data[j]! * y!.data[j]!;
      for (let j = row * N; j < row * N + N; j++) dx.data[j] = y!.data[j]! * (dy!.data[j]! - dot);
    }
    return [dx];
  },
  wasm: (_inputs, [dx]) => flatCall("softmaxGradient", [input(0), input(1), output(0), ...dx!.shape], dx!),
  onChip: softmaxGradientOnChip,
  gradient: "none",
  kernels: rowKernels("softmaxGradient", (width, dy, caps) =>
    rowsPlan(gradientCode(rowsByFours(dy), width), dy, [input(0), input(1), output(0)], caps),
  ),
};
