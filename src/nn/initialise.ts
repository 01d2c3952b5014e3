import { requireOneOf } from "../core/arguments.ts";
import { type NdArray, ndarray, type Shape, sizeOf, zeros } from "../core/ndarray.ts";
import { normals, STREAM, uniforms } from "../core/philox.ts";
import type { ModelSpec } from "./model-spec.ts";
import { type ParameterSpec, parameterSpecs, statisticsSpecs } from "./parameter-specs.ts";

/**
 * How weights begin. Biases begin at 0, layer normalisation at scale 1 and shift 0, embeddings at N(0, 1), recurrences as PyTorch's unless "zeros".
 *   uniform01  uniform in [0, 1): the tutorial's
 *   he         uniform in +-sqrt(6 / in): keeps the size of values through rectifiers (He et al., 2015)
 *   xavier     uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio, 2010)
 *   zeros      all 0: every neuron stays the same as its neighbours; for lessons
 */
export type Initialiser = "uniform01" | "he" | "xavier" | "zeros";
export const initialisers: readonly Initialiser[] = ["uniform01", "he", "xavier", "zeros"];

/** he where the net has rectifiers, else xavier. */
export function defaultInitialiser(model: ModelSpec): Initialiser {
  const rectifiers = new Set(["relu", "relu6", "leakyRelu", "elu", "selu", "gelu", "silu", "softplus"]);
  return model.layers.some((l) => rectifiers.has(l.type)) ? "he" : "xavier";
}

/** First values of all parameters and statistics by name: the same for the same seed, on every machine. */
export function initialise(
  model: ModelSpec,
  seed: number,
  how: Initialiser = defaultInitialiser(model),
): Map<string, NdArray> {
  requireOneOf("init", how, initialisers);
  return new Map([
    ...parameterSpecs(model).map((p, i) => [p.name, first(p, i, seed, how)] as const),
    ...statisticsSpecs(model).flatMap(({ parts }) => parts.map((p) => [p.name, filled(p.shape, p.first)] as const)),
  ]);
}

/** Weights with adapters drawn beside them, where a model has adapters and the weights have none. */
export function withFirstAdapters(
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  seed: number,
): ReadonlyMap<string, NdArray> {
  const adapters = parameterSpecs(model).flatMap((p, i) => (p.adapter ? [[p, i] as const] : []));
  if (adapters.length === 0 || adapters.some(([p]) => weights.has(p.name))) return weights;
  return new Map([...weights, ...adapters.map(([p, i]) => [p.name, first(p, i, seed, "xavier")] as const)]);
}

function first(p: ParameterSpec, index: number, seed: number, how: Initialiser): NdArray {
  const fill = p.first ?? (p.role === "scale" ? 1 : null);
  if (fill !== null) return filled(p.shape, fill);
  if (p.within !== undefined && how !== "zeros")
    return ndarray(p.shape, "f32", uniforms(seed, STREAM.init, index, sizeOf(p.shape), -p.within, p.within));
  if (p.role !== "weight" || how === "zeros") return zeros(p.shape, "f32");
  if (p.normal) return withoutRow(ndarray(p.shape, "f32", normals(seed, STREAM.init, index, sizeOf(p.shape))), p);
  const [inputs, outputs] = p.fan ?? [sizeOf(p.shape) / p.shape.at(-1)!, p.shape.at(-1)!];
  const limit = { uniform01: 0, he: Math.sqrt(6 / inputs), xavier: Math.sqrt(6 / (inputs + outputs)) }[how];
  const [low, high] = how === "uniform01" ? [0, 1] : [-limit, limit];
  return ndarray(p.shape, "f32", uniforms(seed, STREAM.init, index, sizeOf(p.shape), low, high));
}

function withoutRow(value: NdArray, { shape, zeroRow }: ParameterSpec): NdArray {
  const width = sizeOf(shape.slice(1));
  if (zeroRow !== undefined) value.data.fill(0, zeroRow * width, (zeroRow + 1) * width);
  return value;
}

const filled = (shape: Shape, value: number): NdArray =>
  ndarray(shape, "f32", new Float32Array(sizeOf(shape)).fill(value));
