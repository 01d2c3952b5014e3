import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { naming } from "../io/naming.ts";
import { readModelTensors } from "../io/weights/load.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { readBytes } from "./files.ts";
import { note } from "./output.ts";
import { choiceFlag } from "./usage.ts";

/** The flags of commands that begin from weights. */
export const weightsOptions = {
  weights: { type: "string" },
  "match-weights": { type: "string" },
  "weights-key": { type: "string" },
} as const;

export type WeightsValues = { readonly [name in keyof typeof weightsOptions]?: string | undefined };

/**
 * The arrays that --weights names, under the model's names, for weightsOf; what was decided on the way is said on stderr.
 * Null where the flag is absent.
 */
export async function weightsFlags(
  values: WeightsValues,
  model: ModelSpec,
): Promise<ReadonlyMap<string, NdArray> | null> {
  const { weights: file, "weights-key": key } = values;
  const match = choiceFlag("match-weights", values["match-weights"], ["names", "order"] as const);
  if (file === undefined) {
    const given = match !== undefined ? "match-weights" : key !== undefined ? "weights-key" : null;
    if (given) throw new ChainruleError("usage", `--${given} says how the file of --weights is read, which is missing`);
    return null;
  }
  const options = { ...(match === undefined ? {} : { match }), ...(key === undefined ? {} : { key }) };
  const { tensors, notes } = await naming(file, () => readModelTensors(file, readBytes(file), model, options));
  for (const text of notes) note(`${file}: ${text}`);
  return tensors;
}
