import type { Shape } from "../../core/ndarray.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { parametersOf } from "./draft.ts";

/** What is drawn as one box: a layer, or a block of layers whose names begin alike. */
export interface Item {
  readonly called: string;
  /** The layer's type; null of a block. */
  readonly type: string | null;
  /** How many layers it stands for. */
  readonly layers: number;
  /** What it gives for a row. */
  readonly shape: Shape;
  readonly parameters: number;
  /** Places in the list of the boxes that it reads; -1 is the model's input. */
  readonly sources: readonly number[];
}

/** Before the last dot of a name: the block that the layer is in. */
const blockOf = (called: string): string => called.split(".").slice(0, -1).join(".");

/** The boxes of a model's drawing; `folded` makes one of each run of layers in a block. */
export function itemsOf(model: ModelSpec, folded: boolean): readonly Item[] {
  const { shapes, sources } = shapesOf(model);
  const counts = parametersOf(model);
  const called = model.layers.map(calledName);
  /** First layer of each box. */
  const begins = called.flatMap((name, i) => {
    const block = blockOf(name);
    return folded && i > 0 && block !== "" && block === blockOf(called[i - 1]!) ? [] : [i];
  });
  const boxOf = called.map((_, i) => begins.findLastIndex((begin) => begin <= i));
  return begins.map((begin, box): Item => {
    const end = begins[box + 1] ?? called.length;
    const inside = Array.from({ length: end - begin }, (_, k) => begin + k);
    const read = inside.flatMap((i) => sources[i]!.map((source) => (source < 0 ? -1 : boxOf[source]!)));
    return {
      called: inside.length > 1 ? blockOf(called[begin]!) : called[begin]!,
      type: inside.length > 1 ? null : layerName(model.layers[begin]!),
      layers: inside.length,
      shape: shapes[end - 1]!,
      parameters: inside.reduce((sum, i) => sum + counts[i]!, 0),
      sources: [...new Set(read)].filter((source) => source !== box),
    };
  });
}
