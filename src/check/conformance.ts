import type { Backend } from "../backend/executor.ts";
import type { AnyKernel } from "../backend/webgpu/choose.ts";
import type { WebGpuDevice } from "../backend/webgpu/device.ts";
import { runKernel } from "../backend/webgpu/run-kernel.ts";
import { type Comparison, compare, comparisonText } from "../core/compare.ts";
import { cast, type NdArray, ndarray } from "../core/ndarray.ts";
import { Graph } from "../graph/graph.ts";
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
    inputs.map((x) => (x.dtype === "f32" || x.dtype === "f16" ? cast(x, "f64") : { ...x, data: x.data.slice() }));
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

/** Words behind each input that are NaN: read, they poison the result. */
const MARGIN = 4;

/**
 * Holds what a backend makes of one op, whatever kernel that is, against the reference on one case. The op is a graph of
 * its own, in which inputs end in NaN and outputs that are no update begin as what an earlier run left.
 */
export async function conformGraph(
  backend: Backend,
  op: AnyOp,
  c: OpCase<unknown>,
  options: ConformanceOptions = {},
): Promise<ConformanceResult> {
  return conformInputs(backend, op, caseInputs(c, options.seed ?? 1), c.attrs, c.name);
}

/** As conformGraph, on given inputs. */
export async function conformInputs(
  backend: Backend,
  op: AnyOp,
  inputs: readonly NdArray[],
  attrs: unknown,
  name = "inputs",
): Promise<ConformanceResult> {
  const g = new Graph();
  const guard = ndarray([MARGIN], "f32", new Float32Array(MARGIN).fill(Number.NaN));
  const variables = inputs.flatMap((x, i) => [g.variable(`input ${i}`, x), g.variable(`guard ${i}`, guard)]);
  const results = g.add(
    op,
    variables.filter((_, i) => i % 2 === 0),
    attrs,
  );
  g.keep(...results);
  const guards = variables.filter((_, i) => i % 2 === 1);
  const executor = await backend.compile(g);
  try {
    const read = await executor.run(1, [...results, ...guards]);
    const { outputs, bounds } = truth(op, inputs, attrs);
    const comparisons = outputs.map((exact, i) => compare(read[i]!, exact, bounds[i] ?? null));
    const worst = comparisons.findIndex((x) => !x.pass);
    const intact = read.slice(results.length).every((x) => x.data.every(Number.isNaN));
    const wrong = worst >= 0 ? `output ${worst} ${comparisonText(comparisons[worst]!)}` : "";
    const reason = intact ? wrong : "wrote behind the end of an array";
    return { op: op.name, kernel: backend.kind, case: name, pass: reason === "", comparisons, reason };
  } finally {
    executor.dispose();
  }
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
