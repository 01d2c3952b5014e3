import type { Backend } from "../../backend/executor.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import type { Rows } from "../data/row-source.ts";
import { fitsWhole, isResident, type RowSource, sourceOf } from "../data/row-source.ts";
import { Evaluator } from "./evaluation.ts";

export type AnyEvaluator = Pick<Evaluator, "evaluate" | "memory" | "dispose">;

/** An evaluator that keeps the rows on the device where it can, and else takes them chunk by chunk. */
export async function evaluatorOf(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  data: Rows | RowSource,
  limits: { readonly maxDataBytes: number; readonly maxBufferSize: number },
): Promise<AnyEvaluator> {
  const { maxDataBytes, maxBufferSize } = limits;
  if (fitsWhole(data, maxDataBytes)) return Evaluator.create(backend, model, weights, data, maxBufferSize);
  const { ChunkEvaluator } = await import("./chunk-evaluator.ts");
  return ChunkEvaluator.create(backend, model, weights, isResident(data) ? sourceOf(data) : data, limits);
}
