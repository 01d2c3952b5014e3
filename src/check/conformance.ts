import type { Backend } from "../backend/executor.ts";
import { type ConformanceOptions, type ConformanceResult, conform } from "../backend/webgpu/conform.ts";
import type { WebGpuDevice } from "../backend/webgpu/device.ts";
import { compare, comparisonText } from "../core/compare.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import { caseInputs } from "../graph/case-inputs.ts";
import { Graph } from "../graph/graph.ts";
import type { AnyOp, OpCase } from "../graph/op.ts";
import { proofOf } from "../proof/proof-of.ts";
import { truth } from "../proof/truth.ts";

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
    const { outputs, bounds } = await truth(op, inputs, attrs, backend.kind);
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
    const { cases } = await proofOf(op);
    for (const kernel of op.kernels) {
      for (const c of cases) {
        const result = await conform(gpu, op, kernel, c, options);
        if (!result) continue;
        results.push(result);
        options.onResult?.(result);
      }
    }
  }
  return results;
}
