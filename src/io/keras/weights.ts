import { brief } from "../../core/format.ts";
import { cast, type NdArray } from "../../core/ndarray.ts";
import { refuse } from "./json.ts";
import { type KerasLayer, nameOf } from "./layer.ts";

export type ParameterName =
  | "kernel"
  | "recurrent_kernel"
  | "depthwise_kernel"
  | "pointwise_kernel"
  | "alpha"
  | "embeddings"
  | "bias"
  | "scale"
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
 * By an array's name, "dense_1/kernel" or "dense_1/model/dense_1/kernel:0": by all of it, else by its end and by what it
 * begins with, which in Keras's files is the model's own layer that it lies in, else by its end alone.
 */
export function byName(arrays: readonly StoredArray[]): WeightSource {
  const names = new Map<string, StoredArray | null>();
  const add = (key: string, array: StoredArray): void => {
    const other = names.get(key);
    // Null where several have one name.
    names.set(key, other === undefined || other === array ? array : null);
  };
  for (const array of arrays) {
    const parts = array.name.replace(/:\d+$/, "").split("/");
    const end = parts.slice(-2).join("/");
    add(parts.join("/"), array);
    add(`${parts[0]} ${end}`, array);
    add(`: ${end}`, array);
    // A layer that was given another name keeps its weights' old ones.
    add(`${parts[0]} ${parts.at(-1)}`, array);
    // One direction of a layer that has two, whose cells have numbers for names: "both/forward_lstm/lstm_cell_1/kernel".
    const direction = parts.find((part) => /^(forward|backward)_/.test(part));
    if (direction) add(`${parts[0]} ${direction} ${parts.at(-1)}`, array);
  }
  const used = new Set<StoredArray>();
  const find = (layer: KerasLayer, parameter: ParameterName): StoredArray => {
    const { path, name } = layer;
    const key = `${path.join("/")}/${parameter}`;
    const end = `${name}/${parameter}`.split("/").slice(-2).join("/");
    const keys = [
      key,
      `${path[0]} ${end}`,
      `: ${end}`,
      ...(path.length === 1 ? [`${name} ${parameter}`] : []),
      `${path[0]} ${name} ${parameter}`,
      // Keras 3 also writes the forward one's name where the layer's own would stand.
      `${path[0]} ${name.replace(/^(forward|backward)_forward_/, "$1_")} ${parameter}`,
    ];
    const get = (wanted: readonly string[]) => wanted.map((k) => names.get(k)).find((array) => array !== undefined);
    // Keras 3 calls the one kernel of a depthwise convolution plainly so.
    const other = parameter === "depthwise_kernel" ? keys.map((k) => k.replace("depthwise_kernel", "kernel")) : [];
    const found = get(keys) ?? get(other);
    if (found === null) return refuse(`several weights are named ${brief(end)}`);
    if (!found) return refuse(`the weight ${brief(key)} is missing`);
    if (used.has(found)) {
      refuse(
        `${nameOf(layer)}: its ${parameter} would be ${brief(found.name)}, which another layer of that name has taken`,
      );
    }
    used.add(found);
    return found;
  };
  return {
    size: sizeOfAll(arrays),
    take: (layer, parameter) => find(layer, parameter).read(),
    pass: find,
    left: () => arrays.filter((array) => !used.has(array)).map(({ name }) => name),
  };
}

/** By the numbers that Keras 3 gives to a layer's arrays: "layers/dense_1/vars/0". */
export function byNumber(arrays: readonly StoredArray[]): WeightSource {
  const names = new Map(arrays.map((array) => [array.name, array]));
  const used = new Map<string, number>();
  const find = (layer: KerasLayer, parameter: ParameterName): StoredArray => {
    const group = layer.stored.join("/");
    const number = used.get(group) ?? 0;
    used.set(group, number + 1);
    const name = `${group}/vars/${number}`;
    return names.get(name) ?? refuse(`${nameOf(layer)}: its ${parameter}, ${brief(name)}, is missing`);
  };
  return {
    size: sizeOfAll(arrays),
    take: (layer, parameter) => find(layer, parameter).read(),
    pass: find,
    left() {
      const asked = new Set(
        [...used].flatMap(([group, count]) => Array.from({ length: count }, (_, i) => `${group}/vars/${i}`)),
      );
      return arrays.filter(({ name }) => !asked.has(name)).map(({ name }) => name);
    },
  };
}

const sizeOfAll = (arrays: readonly StoredArray[]): number => arrays.reduce((sum, { size }) => sum + size, 0);
