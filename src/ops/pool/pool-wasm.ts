import type { AvgForm } from "../../../shaders/pool/avg-pool.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";
import type { Averaged } from "./averages.ts";
import type { PoolAxis, PoolDims } from "./geometry.ts";

/** Calls of wasm/max-pool.ts and avg-pool.ts: the arrays, planes, and each axis as wasm/windows.ts has it. Parts are planes. */

const axisNumbers = ({ size, out, kernel, stride, padding, dilation }: PoolAxis): readonly number[] => [
  size,
  out,
  kernel,
  stride,
  padding,
  dilation,
];

function poolCall(fn: string, arrays: WasmCall["args"], dims: PoolDims, wide: TensorSpec, ...more: number[]): WasmPlan {
  const { planes, rows, columns } = dims;
  const args = [...arrays, planes, ...axisNumbers(rows), ...axisNumbers(columns), ...more];
  return call(fn, args, Math.min(planes, partsOf(sizeOf(wide.shape))));
}

/** Numbers of the forms, as wasm/avg-pool.ts counts them. */
const FORMS: Readonly<Record<AvgForm, number>> = { inside: 0, padded: 1, adaptive: 2 };

export const maxPoolWasm = (dims: PoolDims, x: TensorSpec): WasmPlan =>
  poolCall("maxPool", [input(0), output(0), output(1)], dims, x);
export const maxPoolGradientWasm = (dims: PoolDims, dx: TensorSpec): WasmPlan =>
  poolCall("maxPoolGradient", [input(0), input(1), output(0)], dims, dx);
export const avgPoolWasm = ({ form, dims }: Averaged, x: TensorSpec): WasmPlan =>
  poolCall("avgPool", [input(0), output(0)], dims, x, FORMS[form]);
export const avgPoolGradientWasm = ({ form, dims }: Averaged, dx: TensorSpec): WasmPlan =>
  poolCall("avgPoolGradient", [input(0), output(0)], dims, dx, FORMS[form]);
