import { brief } from "../../core/format.ts";
import { cast, type NdArray } from "../../core/ndarray.ts";
import { refuse } from "./json.ts";
import { type KerasLayer, nameOf } from "./topology.ts";

export type ParameterName =
  | "kernel"
  | "bias"
  | "gamma"
  | "beta"
  | "moving_mean"
  | "moving_variance"
  | "mean"
  | "variance"
  | "count";

/** An array of a file, made when a layer asks for it. */
export interface StoredArray {
  /** As the file calls it, with the names of what it lies in: "sequential/dense/kernel:0". */
  readonly name: string;
  /** Values in it. */
  readonly size: number;
  /** f32, or a refusal where it does not hold floats. */
  read(): NdArray;
}

/** Where layers take their parameters from, in the order in which Keras lists them. */
export interface WeightSource {
  /** Values of all arrays. */
  readonly size: number;
  /** f32. */
  take(layer: KerasLayer, parameter: ParameterName): NdArray;
  /** Leaves out one that is not needed here. */
  pass(layer: KerasLayer, parameter: ParameterName): void;
  /** Those that no layer asked for. */
  left(): readonly string[];
}

/** The arrays of model.get_weights(), under any names. */
export function inOrder(arrays: ReadonlyMap<string, NdArray>): WeightSource {
  const list = [...arrays];
  let next = 0;
  const following = ({ path }: KerasLayer, parameter: ParameterName): readonly [string, NdArray] =>
    list[next++] ??
    refuse(`there are ${list.length} arrays, too few: none is left for ${parameter} of ${brief(path.join("/"))}`);
  return {
    size: list.reduce((sum, [, { data }]) => sum + data.length, 0),
    take(layer, parameter) {
      const [name, array] = following(layer, parameter);
      if (array.dtype !== "f32" && array.dtype !== "f64") {
        refuse(`${nameOf(layer)}: its ${parameter} would be the array ${brief(name)}, which does not hold floats`);
      }
      return cast(array, "f32");
    },
    pass: following,
    left() {
      if (next < list.length) refuse(`there are ${list.length} arrays, but the model's layers have ${next}`);
      return [];
    },
  };
}

/**
 * By the end of an array's name: "dense_1/kernel", "model/dense_1/kernel:0", with or without the models that a layer lies
 * in. `first` is what all names of a layer begin with, where a file puts them into a group for each.
 */
export function byName(arrays: readonly StoredArray[]): WeightSource {
  const whole = new Map<string, StoredArray>();
  /** By the last two parts; null where several end alike. */
  const ends = new Map<string, StoredArray | null>();
  for (const array of arrays) {
    const name = array.name.replace(/:\d+$/, "");
    whole.set(name, array);
    const end = name.split("/").slice(-2).join("/");
    ends.set(end, ends.has(end) ? null : array);
  }
  const used = new Set<StoredArray>();
  const find = (layer: KerasLayer, parameter: ParameterName): StoredArray => {
    const key = `${layer.path.join("/")}/${parameter}`;
    const end = `${layer.name}/${parameter}`.split("/").slice(-2).join("/");
    const found = whole.get(key) ?? whole.get(`${layer.name}/${parameter}`) ?? ends.get(end);
    if (found === null) return refuse(`several weights are named ${brief(end)}`);
    if (!found) return refuse(`the weight ${brief(key)} is missing`);
    used.add(found);
    return found;
  };
  return {
    size: arrays.reduce((sum, { size }) => sum + size, 0),
    take: (layer, parameter) => find(layer, parameter).read(),
    pass: find,
    left: () => arrays.filter((array) => !used.has(array)).map(({ name }) => name),
  };
}
