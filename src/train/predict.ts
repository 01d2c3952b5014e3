import { ReferenceExecutor } from "../backend/reference/executor.ts";
import type { NdArray } from "../core/ndarray.ts";
import { Graph } from "../graph/graph.ts";
import { forward } from "../nn/forward.ts";
import type { ModelSpec } from "../nn/model.ts";
import { parameterGroups } from "../nn/parameters.ts";

/** Outputs [n, outputs] of a net for rows x [n, inputs], on the CPU, without dropout: for pictures of small nets. */
export function predict(model: ModelSpec, weights: ReadonlyMap<string, NdArray>, x: NdArray): NdArray {
  const g = new Graph();
  const input = g.variable("x", x);
  const groups = parameterGroups(g, model, weights, 2 ** 32);
  const values = new Map(groups.flatMap((group) => group.parameters.map((p) => [p.spec.name, p.tensor] as const)));
  const outputs = forward(g, model, input, values, { training: false, seed: 0, cursor: null });
  const executor = new ReferenceExecutor(g, "f32");
  executor.step();
  return executor.read(outputs);
}
