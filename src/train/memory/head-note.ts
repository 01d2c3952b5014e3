import { sizeOf } from "../../core/ndarray.ts";
import { outputShape } from "../../nn/shapes.ts";
import { LEAST_LOGITS } from "../../ops/loss/head-loss-fusion.ts";
import { unfused } from "../../ops/unfused.ts";
import { planOf } from "../run/backend-run.ts";
import type { ResolvedOptions } from "../run/options.ts";

/**
 * Why a step has all logits of a large vocabulary in memory at once; null where it has not, or where there are few. It
 * records the graph of a step again, and nothing is computed.
 */
export async function headNote(options: ResolvedOptions, rows: number): Promise<string | null> {
  if (options.model.loss !== "crossEntropy" || rows * sizeOf(outputShape(options.model)) < LEAST_LOGITS) return null;
  const { plan } = await planOf(options);
  const [why] = unfused(plan.graph);
  if (why !== undefined) return why;
  // The loss of one class a row, without weights, smoothing or targets that do not count, has no such form.
  const plain = plan.graph.nodes.some(({ op }) => op.name === "crossEntropy");
  return plain ? "all logits are in memory at once, since rows have a class each, with nothing ignored" : null;
}
