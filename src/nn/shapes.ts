import { type Shape, sizeOf } from "../core/ndarray.ts";
import { type Assembled, assemble } from "./assemble.ts";
import type { ModelSpec } from "./model-spec.ts";
import { parameterSpecs } from "./parameter-specs.ts";

const assembled = new WeakMap<ModelSpec, Assembled>();

/** What goes through a model: shapes and wiring. Throws ChainruleError "model" where layers do not fit together. */
export function shapesOf(model: ModelSpec): Assembled {
  let found = assembled.get(model);
  if (!found) {
    found = assemble(model.layers, model.input, false);
    assembled.set(model, found);
  }
  return found;
}

/** Shape of what a model gives for a row. */
export const outputShape = (model: ModelSpec): Shape => shapesOf(model).shapes.at(-1)!;

/** How crossEntropy reads the outputs of a row. */
export interface ClassLayout {
  readonly classes: number;
  /** Places of a row that have a class each; 1 where the row itself has one. */
  readonly places: Shape;
  /** Classes lie behind the places, [steps, classes]; else before them, [classes, height, width]. */
  readonly last: boolean;
  /** Target that does not count; null where all do. */
  readonly ignoreIndex: number | null;
}

/** [classes], [steps, classes] with a class for each step, or [classes, ...places] with one for each place. */
export function classLayout(model: ModelSpec): ClassLayout {
  const shape = outputShape(model);
  const last = shape.length === 2;
  const places = last ? shape.slice(0, 1) : shape.slice(1);
  const ignoreIndex = model.ignoreIndex ?? (sizeOf(places) > 1 ? -100 : null);
  return { classes: shape.at(last ? -1 : 0)!, places, last, ignoreIndex };
}

/** Values of a row at the entrance, and at the end. */
export function widths(model: ModelSpec): { readonly inputs: number; readonly outputs: number } {
  return { inputs: sizeOf(shapesOf(model).input), outputs: sizeOf(outputShape(model)) };
}

/** Multiply-adds that a row costs on its way forward, as its layers' weights count them. */
export function multiplyAdds(model: ModelSpec): number {
  const { shapes } = shapesOf(model);
  return parameterSpecs(model).reduce((sum, { shape, layer, role }) => {
    // Tokens are looked up, not multiplied.
    if (role !== "weight" || model.layers[layer]!.type === "embedding") return sum;
    const out = shapes[layer]!;
    // Each of the weight's values meets every place that its channel has: a last axis, or places behind channels.
    const channels = shape.length === 2 ? out.at(-1)! : out[0]!;
    return sum + sizeOf(shape) * (sizeOf(out) / channels);
  }, 0);
}
