import { requireMap } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { firstNotFinite, type NdArray, ndarray, sameShape, shapeText, unravel } from "../../core/ndarray.ts";
import { requireModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs, type WeightSpec, weightSpecs } from "../../nn/parameter-specs.ts";
import { readSafetensors, writeSafetensors } from "../safetensors/safetensors.ts";
import { fitsByOrder, storedShape, withoutPrefixes } from "./names.ts";
import { withoutShared } from "./tied.ts";
import { transpose } from "./transpose.ts";

/**
 * Weights of `model` out of a safetensors file named as nn.Sequential's state_dict. F32 or F64.
 * What DistributedDataParallel and torch.compile put before every name is taken off. `precision` f64 keeps all digits of
 * an F64 file. Throws naming the tensor that is missing, extra, misshapen or NaN.
 */
export function readWeights(
  bytes: Uint8Array,
  model: ModelSpec,
  precision: "f32" | "f64" = "f32",
): Map<string, NdArray> {
  return weightsOf(readSafetensors(bytes).tensors, model, precision);
}

/** What a weight is computed from where PyTorch has reparametrised it. */
const PART = /\.(?:(?:weight|bias)_(?:g|v|u|orig|mask)|parametrizations\..+)$/;

/** The same out of the arrays of any file, see readTensors. */
export function weightsOf(
  given: ReadonlyMap<string, NdArray>,
  model: ModelSpec,
  precision: "f32" | "f64" = "f32",
): Map<string, NdArray> {
  const specs = weightSpecs(model);
  const tensors = withoutShared(withoutPrefixes(given).tensors, model);
  const extra = [...tensors.keys()].find((name) => !specs.some((s) => s.name === name));
  if (extra !== undefined) {
    const hint = PART.test(extra)
      ? "; it is one of the parts that weight_norm, spectral_norm or prune makes a weight of: take those off in Python (remove_weight_norm, prune.remove) and save again"
      : fitsByOrder(tensors, specs)
        ? "; by order and shape all would fit: --match-weights order"
        : "";
    const left = tensors.size - specs.filter(({ name }) => tensors.has(name)).length;
    const more = left > 1 && left < tensors.size ? `, nor ${left - 1} more of the file's` : "";
    throw new ChainruleError("file", `weights: the model has no parameter "${extra}"${more}${hint}`);
  }
  return new Map(
    specs.flatMap((spec) => {
      const { name, transposed, counts } = spec;
      const tensor = tensors.get(name);
      const stored = storedShape(spec);
      if (!tensor && counts) return [];
      if (!tensor) throw new ChainruleError("file", `weights: "${name}" ${shapeText(stored)} is missing`);
      if (!sameShape(tensor.shape, stored) && !(counts && tensor.data.length === 1)) {
        throw new ChainruleError(
          "file",
          `weights: "${name}" is ${shapeText(tensor.shape)}, the model wants ${shapeText(stored)}`,
        );
      }
      if (tensor.dtype !== "f32" && tensor.dtype !== "f64" && !counts) {
        throw new ChainruleError(
          "file",
          `weights: "${name}" holds whole numbers, as quantised weights are, and must hold floats`,
        );
      }
      const value = ndarray(stored, precision, tensor.data);
      const at = firstNotFinite(value.data);
      if (at >= 0) {
        throw new ChainruleError(
          "file",
          `weights: "${name}" holds ${value.data[at]} at [${unravel(at, stored).join(", ")}]`,
        );
      }
      return [[name, transposed ? transpose(value) : value] as const];
    }),
  );
}

/** A safetensors file of weights (or of gradients, with extras such as the loss) in PyTorch's layout. */
export function writeWeights(
  model: ModelSpec,
  values: ReadonlyMap<string, NdArray>,
  extras: readonly (readonly [string, NdArray])[] = [],
): Uint8Array {
  return writeSafetensors([...extras, ...weightTensors(model, values)]);
}

/** Weights under the names and in the layout of PyTorch, for any file, see writeTensors. */
export function weightTensors(model: ModelSpec, values: ReadonlyMap<string, NdArray>): [string, NdArray][] {
  requireModel(model);
  return stored(weightSpecs(model), values);
}

/** The same of what there is one of for each parameter that is trained, and none for statistics: gradients, moments. */
export function parameterTensors(model: ModelSpec, values: ReadonlyMap<string, NdArray>): [string, NdArray][] {
  requireModel(model);
  return stored(
    parameterSpecs(model).filter((p) => !p.frozen),
    values,
  );
}

function stored(specs: readonly WeightSpec[], values: ReadonlyMap<string, NdArray>): [string, NdArray][] {
  requireMap("weights", values);
  return specs.flatMap(({ name, shape, transposed, counts }): [string, NdArray][] => {
    const value = values.get(name);
    if (!value && counts) return [];
    if (!value) throw new ChainruleError("file", `weights: ${name} ${shapeText(shape)} is missing`);
    if (counts) return [[name, { ...value, shape: [] }]];
    return [[name, transposed ? transpose(value) : value]];
  });
}
