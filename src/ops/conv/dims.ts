import type { TensorSpec } from "../../graph/graph.ts";
import { type ConvAttrs, type ConvDims, convDims } from "./geometry.ts";

/** The places of x, which those of y alone do not tell where a stride leaves some out. */
export interface ConvInputGradientAttrs extends ConvAttrs {
  readonly places: readonly number[];
}

/** The sizes of the kernel, which those of x and y alone do not tell. */
export interface ConvWeightGradientAttrs extends ConvAttrs {
  readonly kernel: readonly number[];
}

type Shaped = Pick<TensorSpec, "shape">;

const specs = (inputs: readonly Shaped[]): readonly TensorSpec[] =>
  inputs.map(({ shape }) => ({ shape, dtype: "f32" }));

/** The sizes, from the inputs of each op. Throw ChainruleError "shape" where they do not fit. */
export const forwardDims = ([x, w]: readonly Shaped[], attrs: ConvAttrs): ConvDims =>
  convDims({ name: "conv" }, specs([x!, w!]), x!.shape, w!.shape, attrs);

export function inputGradientDims([dy, w]: readonly Shaped[], attrs: ConvInputGradientAttrs): ConvDims {
  const channels = (w!.shape[1] ?? 0) * attrs.groups;
  const x = [dy!.shape[0]!, channels, ...attrs.places];
  return convDims({ name: "convInputGradient" }, specs([dy!, w!]), x, w!.shape, attrs);
}

export function weightGradientDims([x, dy]: readonly Shaped[], attrs: ConvWeightGradientAttrs): ConvDims {
  const w = [dy!.shape[1]!, (x!.shape[1] ?? 0) / attrs.groups, ...attrs.kernel];
  return convDims({ name: "convWeightGradient" }, specs([x!, dy!]), x!.shape, w, attrs);
}
