import type { AnyKernel } from "../backend/webgpu/choose.ts";
import type { WebGpuDevice } from "../backend/webgpu/device.ts";
import { runKernel } from "../backend/webgpu/run-kernel.ts";
import { type Comparison, compare, comparisonText } from "../core/compare.ts";
import { cast, type NdArray } from "../core/ndarray.ts";
import type { AnyOp, DeviceCaps, OpCase } from "../graph/op.ts";
import { caseInputs } from "./case-inputs.ts";

export interface ConformanceResult {
  readonly op: string;
  readonly kernel: string;
  readonly case: string;
  readonly pass: boolean;
  /** One per output. */
  readonly comparisons: readonly Comparison[];
  /** Why it failed, in one line; "" when it passed. */
  readonly reason: string;
}

export interface ConformanceOptions {
  readonly seed?: number;
  readonly caps?: DeviceCaps;
  /** Changes the kernel's code before it runs: how tests show that wrong kernels are caught. */
  readonly edit?: (code: string) => string;
  /** A gate tighter than the op's own bound. */
  readonly gate?: (inputs: readonly NdArray[], outputs: readonly NdArray[]) => readonly NdArray[];
}

/** The f64 truth of an op on f32 inputs, with the bound that a right f32 result keeps. Inputs are left unchanged. */
export function truth(
  op: AnyOp,
  inputs: readonly NdArray[],
  attrs: unknown,
): { outputs: readonly NdArray[]; bounds: readonly (NdArray | null)[] } {
  const exact = (): NdArray[] =>
    inputs.map((x) => (x.dtype === "f32" ? cast(x, "f64") : { ...x, data: x.data.slice() }));
  const outputs = op.reference(exact(), attrs);
  const nothing = inputs.map(() => null);
  return { outputs, bounds: op.bound?.(exact(), nothing, outputs, attrs) ?? outputs.map(() => null) };
}

/** Holds one kernel against the reference on one case. Null where the kernel does not apply. */
export async function conform(
  gpu: WebGpuDevice,
  op: AnyOp,
  kernel: AnyKernel,
  c: OpCase<unknown>,
  options: ConformanceOptions = {},
): Promise<ConformanceResult | null> {
  const inputs = caseInputs(c, options.seed ?? 1);
  const run = await runKernel(gpu, op, kernel, inputs, c.attrs, options);
  if (!run) return null;
  const { outputs, bounds } = truth(op, inputs, c.attrs);
  const gates = options.gate?.(inputs, outputs);
  const comparisons = outputs.map((exact, i) => compare(run.outputs[i]!, exact, gates?.[i] ?? bounds[i] ?? null));
  const worst = comparisons.findIndex((x) => !x.pass);
  const reason = !run.marginIntact
    ? "wrote behind the end of an array"
    : worst >= 0
      ? `output ${worst} ${comparisonText(comparisons[worst]!)}`
      : "";
  return { op: op.name, kernel: kernel.name, case: c.name, pass: reason === "", comparisons, reason };
}

/** Every kernel of every given op on every case. `onResult` sees each as it comes. */
export async function conformAll(
  gpu: WebGpuDevice,
  ops: readonly AnyOp[],
  options: ConformanceOptions & { onResult?: (r: ConformanceResult) => void } = {},
): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const op of ops) {
    for (const kernel of op.kernels) {
      for (const c of op.cases) {
        const result = await conform(gpu, op, kernel, c, options);
        if (!result) continue;
        results.push(result);
        options.onResult?.(result);
      }
    }
  }
  return results;
}
