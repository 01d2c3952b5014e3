import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { PANEL_COLUMNS, productPlan } from "../shared/wasm-plan.ts";
import { type BatchedRun, batchedDims, batchedRuns, kernelOperands, matrixAt } from "./batched-dims.ts";
import { operandStrides } from "./dims.ts";

/** Products beyond which threads have enough of them; fewer are divided themselves, where each is so much work. */
const ENOUGH = 16;
const LARGE = 2 ** 20;
/** Rows of whole panels in either build, as wasm/batched.ts has them. */
const PANEL_ROWS = 12;
/** Multiply-adds that are worth a part, and parts at most: each has panels of its own. */
const PART = 2 ** 17;
const MOST_PARTS = 64;

/** y [..., M, N] of inputs 0 and 1. */
export function batchedCalls(form: MatmulForm, inputs: readonly TensorSpec[]): WasmPlan {
  const operands = kernelOperands(form, inputs);
  const dims = batchedDims(form, ...operands);
  const { M, N, K, batches } = dims;
  const matrices = operands.map(({ shape }) => sizeOf(shape.slice(-2))) as [number, number];
  if (batches === 1 || (batches < ENOUGH && M * N * K >= LARGE)) {
    const one = productPlan(
      form,
      operands.map((t): TensorSpec => ({ ...t, shape: t.shape.slice(-2) })),
    );
    const calls = Array.from({ length: batches }, (_, i) => {
      const from = [matrixAt(i, dims, dims.aSteps) * matrices[0], matrixAt(i, dims, dims.bSteps) * matrices[1]];
      return one.calls.map((call) => ({ ...call, args: call.args.map((arg) => moved(arg, from, i * M * N)) }));
    });
    return { ...one, calls: calls.flat() };
  }
  const { am, ak, bn, bk } = operandStrides(dims);
  const whole = (n: number, unit: number): number => Math.ceil(n / unit) * unit;
  const room = (whole(M, PANEL_ROWS) + whole(N, PANEL_COLUMNS)) * K;
  const runs = batchedRuns(dims);
  const partsOf = ({ count }: BatchedRun): number =>
    Math.max(1, Math.min(count, MOST_PARTS, Math.floor((count * M * N * K) / PART)));
  const call = (run: BatchedRun): WasmCall => ({
    fn: "batchedProduct",
    args: [
      { ...input(0), offset: run.a * matrices[0] },
      { ...input(1), offset: run.b * matrices[1] },
      { ...output(0), offset: run.first * M * N },
      scratch(0, "read_write"),
      ...[M, N, K, am, ak, bn, bk, run.count, run.aStep * matrices[0], run.bStep * matrices[1], room],
    ],
    parts: partsOf(run),
  });
  return { calls: runs.map(call), scratch: [{ shape: [Math.max(...runs.map(partsOf)) * room], dtype: "f32" }] };
}

/** An argument of a product's call as that of one of a batch, whose matrices begin so far in. */
function moved(arg: WasmCall["args"][number], from: readonly number[], to: number): WasmCall["args"][number] {
  if (typeof arg !== "object" || !("kind" in arg) || arg.kind === "scratch") return arg;
  return { ...arg, offset: (arg.offset ?? 0) + (arg.kind === "input" ? from[arg.index]! : to) };
}
