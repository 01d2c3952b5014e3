import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { named, naming } from "../io/naming.ts";
import { namedFor, readModelTensors } from "../io/weights/load.ts";
import { isIndex, shardOf, shardsOf } from "../io/weights/shards.ts";
import { weightsOf } from "../io/weights/weights.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { readBeside, readBytes } from "./files.ts";
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
  const { tensors, notes } = await naming(file, async () => {
    const bytes = readBytes(file);
    if (!isIndex(file)) return readModelTensors(file, bytes, model, options);
    if (key !== undefined)
      throw new ChainruleError("usage", "only a file of PyTorch has several state dicts, no index");
    const shards = await shardsOf(file, bytes, (name) => readBeside(file, name));
    return namedFor(model, { tensors: shards, notes: [] }, match);
  });
  for (const text of notes) note(`${file}: ${text}`);
  return tensors;
}

/** The model's weights out of the arrays that weightsFlags read from `file`; errors name it. */
export function weightsIn(
  file: string,
  tensors: ReadonlyMap<string, NdArray>,
  model: ModelSpec,
  digits: "f32" | "f64" = "f32",
): Map<string, NdArray> {
  try {
    return weightsOf(tensors, model, digits);
  } catch (error) {
    const shard = shardOf(file);
    const way = `file ${shard} of a net's weights: name the index beside it (.index.json)`;
    throw named(shard === null ? file : `${file} (${way})`, error);
  }
}
