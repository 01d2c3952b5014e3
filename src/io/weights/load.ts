import { requireBytes } from "../../core/arguments.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { requireModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { weightSpecs } from "../../nn/parameter-specs.ts";
import { byOrder, type Renamed, withoutAttribute, withoutPrefixes } from "./names.ts";
import { type NamedTensors, readNamedTensors } from "./tensor-file.ts";
import { weightsOf } from "./weights.ts";

/** How a file's arrays become a model's weights. */
export interface LoadWeightsOptions {
  /** f64 keeps all digits of a file of f64; f32 unless told otherwise. */
  readonly precision?: "f32" | "f64";
  /** Arrays belong to parameters by their names, unless told that order and shape decide. */
  readonly match?: "names" | "order";
  /** Which state dict of a PyTorch checkpoint, where it has several: "generator", "ema.state_dict". */
  readonly key?: string;
}

/** A model's weights, and what was decided on the way, a sentence each, for people. */
export interface LoadedWeights {
  /** By the model's names, W [in, out]. */
  readonly weights: Map<string, NdArray>;
  /** Prefixes taken off, arrays left out, names matched by order. */
  readonly notes: readonly string[];
}

/**
 * Weights of `model` out of a file: safetensors, .npz by `name`, or what torch.save wrote of a state dict or of a
 * checkpoint, under any name. What DistributedDataParallel and torch.compile put before every name is taken off, and any
 * prefix of all names without which they are the model's.
 * Throws ChainruleError "file" naming the tensor that is missing, extra, misshapen or not finite.
 */
export async function loadWeights(
  name: string,
  bytes: Uint8Array,
  model: ModelSpec,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  requireModel(model);
  const { tensors, notes } = await readModelTensors(name, bytes, model, options);
  return { weights: weightsOf(tensors, model, options.precision), notes };
}

/** The arrays under the model's names as far as the options allow, with their file's types and shapes. */
export async function readModelTensors(
  name: string,
  bytes: Uint8Array,
  model: ModelSpec,
  { match, key }: Omit<LoadWeightsOptions, "precision"> = {},
): Promise<Renamed> {
  requireBytes(name, bytes);
  return namedFor(model, await readNamedTensors(name, bytes, key), match);
}

/** Arrays of one file, or of several, under the model's names. */
export function namedFor(model: ModelSpec, read: NamedTensors, match: "names" | "order" = "names"): Renamed {
  const bare = withoutPrefixes(read.tensors);
  const matched = (match === "order" ? byOrder : withoutAttribute)(bare.tensors, weightSpecs(model));
  return { tensors: matched.tensors, notes: [...read.notes, ...bare.notes, ...matched.notes] };
}
