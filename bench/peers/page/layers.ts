import type { LayerSpec } from "../../../src/nn/layers/spec.ts";
import { calledName, type ModelSpec } from "../../../src/nn/model-spec.ts";

/** A layer as its library's own words have it: from the values that it reads to the one that it gives. */
export type Layers<V> = {
  readonly [Type in LayerSpec["type"]]?: (
    layer: Extract<LayerSpec, { type: Type }>,
    values: readonly V[],
    weight: (key: string) => V,
    /** True where the rectifier behind it is its part: only of layers that `options.rectifies` names. */
    rectified: boolean,
  ) => V;
};

export interface ForwardOptions<V> {
  /** What a reader is given of a value that so many, itself among them, still want: for libraries that count references. */
  readonly share?: (value: V, left: number) => V;
  /** Layers into which a library takes the rectifier behind them. */
  readonly rectifies?: readonly LayerSpec["type"][];
}

/** Goes through a model of plain data with a library's layers: what its user would write by hand. */
export function forward<V>(
  model: ModelSpec,
  layers: Layers<V>,
  input: V,
  weight: (name: string) => V,
  { share = (value) => value, rectifies = [] }: ForwardOptions<V> = {},
): V {
  const names = model.layers.map((layer, i) => calledName(layer, i));
  const reads = model.layers.map((layer, i) => {
    const from = "from" in layer ? layer.from : undefined;
    return from === undefined ? [names[i - 1] ?? "input"] : [from].flat();
  });
  const values = new Map<string, V>();
  const left = new Map<string, number>();
  const keep = (name: string, value: V): void => {
    values.set(name, value);
    left.set(name, reads.flat().filter((n) => n === name).length);
  };
  const take = (name: string): V => {
    const n = left.get(name)!;
    left.set(name, n - 1);
    return share(values.get(name)!, n);
  };
  keep("input", input);
  let rectified = false;
  for (const [i, layer] of model.layers.entries()) {
    const name = names[i]!;
    if (rectified) {
      keep(name, take(names[i - 1]!));
      rectified = false;
      continue;
    }
    const word = layers[layer.type] as Layers<V>["linear"];
    if (!word) throw new Error(`no ${layer.type} is written for this library`);
    const alone = reads.flat().filter((n) => n === name).length === 1 && reads[i + 1]?.[0] === name;
    rectified = rectifies.includes(layer.type) && model.layers[i + 1]?.type === "relu" && alone;
    keep(
      name,
      word(layer as never, reads[i]!.map(take), (key) => weight(`${name}.${key}`), rectified),
    );
  }
  return values.get(names.at(-1)!)!;
}
