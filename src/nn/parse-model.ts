import { register } from "./layers/known.ts";
import { lateLayers } from "./layers/late.ts";
import { parseModel as parseKnown } from "./model.ts";
import type { ModelSpec } from "./model-spec.ts";

/**
 * Reads and checks a model as a file holds it: every field known, every layer's shape one that the next takes, every name
 * one that stands before. Throws ChainruleError "model" that names layer and field. With it come all types of layers.
 */
export function parseModel(json: unknown): ModelSpec {
  register(...lateLayers);
  return parseKnown(json);
}
