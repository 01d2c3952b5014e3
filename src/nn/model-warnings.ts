import type { LossName } from "./loss-kinds.ts";
import { layerName, type ModelSpec } from "./model-spec.ts";

/** Activations at the end of a net that a loss on logits has within itself, or has its own in place of. */
const contained: Partial<Record<LossName, { readonly has: string; readonly after: readonly string[] }>> = {
  crossEntropy: { has: "softmax", after: ["softmax", "sigmoid"] },
  bce: { has: "sigmoid", after: ["sigmoid", "softmax"] },
};

/**
 * What a model trains with, and is hardly meant so, each in a line that names the layer and the change: a softmax or
 * sigmoid at the end, where the loss has its own. Dropout behind it changes nothing.
 */
export function modelWarnings({ layers, loss }: ModelSpec): string[] {
  const rule = contained[loss];
  const at = layers.findLastIndex(({ type }) => type !== "dropout");
  const last = layers[at];
  if (!rule || !last || !rule.after.includes(last.type)) return [];
  const name = layerName(last);
  const text = `layer ${at} is a ${name}, and the loss ${loss} applies its own ${rule.has} to that`;
  return [`model: ${text}: take {"type": "${name}"} out of "layers"`];
}
