import { addLayer } from "./layers/combine.ts";
import { bad } from "./layers/fields.ts";
import { register } from "./layers/known.ts";
import type { OpenLateLayer } from "./layers/late.ts";
import type { LayerNormSpec } from "./layers/layer-norm.ts";
import type { LinearSpec } from "./layers/linear.ts";
import type { LayerSpec } from "./layers/spec.ts";
import { readModel } from "./model.ts";
import type { ModelSpec } from "./model-spec.ts";

/** A layer whose width is left to sequential(): it is as wide as what comes before it. */
export type OpenLayer = Omit<LinearSpec, "in"> | Omit<LayerNormSpec, "size"> | OpenLateLayer;

/** Layers whose names begin alike. */
export interface Block {
  /** Tells it from other layers. */
  readonly type: "block";
  /** Before the names of its layers, with a dot. */
  readonly name: string;
  /** In the order in which they run. */
  readonly layers: readonly LayerItem[];
}

/** A sum of what comes in and what layers make of it. */
export interface Residual {
  /** Tells it from other layers. */
  readonly type: "residual";
  /** In the order in which they run. */
  readonly layers: readonly LayerItem[];
  /** What the incoming value goes through before it is added; nothing where empty. */
  readonly shortcut: readonly LayerItem[];
}

/** What sequential() takes in a list: a layer, a block of them, or a list. */
export type LayerItem = LayerSpec | OpenLayer | Block | Residual | readonly LayerItem[];

/**
 * Layers under a name of their own: in "features" the third is called "features.2", and its weight "features.2.weight", as
 * in an nn.Sequential of that name. A name within is looked up within first.
 */
export function block(name: string, layers: readonly LayerItem[]): Block {
  return { type: "block", name, layers };
}

/**
 * What comes in is added to what `layers` make of it: y = x + layers(x), or shortcut(x) + layers(x). Both must give one
 * shape.
 */
export function residual(layers: readonly LayerItem[], shortcut: readonly LayerItem[] = []): Residual {
  register(addLayer);
  return { type: "residual", layers, shortcut };
}

/** The layers that `make` gives for 0, 1, ... up to `times` - 1, one after the other. */
export function repeat(times: number, make: (i: number) => LayerItem): readonly LayerItem[] {
  return Array.from({ length: times }, (_, i) => make(i));
}

type Plain = Record<string, unknown>;

/** Takes lists and blocks apart. */
class Expansion {
  readonly layers: Plain[] = [];
  /** What the last layer is called. */
  last = "input";

  /** `path` is what names begin with, `inside` the names that are known within it. */
  put(items: readonly LayerItem[], path: string, counter: { next: number }, inside: ReadonlyMap<string, string>): void {
    for (const item of items) {
      if (Array.isArray(item)) this.put(item, path, counter, inside);
      else this.one(item as Exclude<LayerItem, readonly LayerItem[]>, path, counter, inside);
    }
  }

  private one(
    item: Exclude<LayerItem, readonly LayerItem[]>,
    path: string,
    counter: { next: number },
    inside: ReadonlyMap<string, string>,
  ): void {
    if (item?.type === "block") {
      const own = `${path}${item.name}.`;
      this.put(item.layers, own, { next: 0 }, new Map([...inside, ...namesIn(item.layers, own)]));
    } else if (item?.type === "residual") {
      const before = this.last;
      this.put(item.layers, path, counter, inside);
      const end = this.last;
      let other = before;
      if (item.shortcut.length > 0) {
        const first = this.layers.length;
        this.last = before;
        this.put(item.shortcut, path, counter, inside);
        if (this.layers[first]) this.layers[first] = { from: before, ...this.layers[first] };
        other = this.last;
      }
      if (end === before) bad("sequential: a residual needs at least one layer");
      this.emit({ type: "add", from: [end, other] }, path, counter, inside);
    } else this.emit(item as unknown as Plain, path, counter, inside);
  }

  private emit(layer: Plain, path: string, counter: { next: number }, inside: ReadonlyMap<string, string>): void {
    const key = layer?.type === "custom" ? "as" : "name";
    const name = layer?.[key] ?? (path ? `${counter.next}` : undefined);
    counter.next++;
    const called = name === undefined ? `${this.layers.length}` : `${path}${name}`;
    const from = layer?.from;
    const there = (n: unknown): unknown => (typeof n === "string" ? (inside.get(n) ?? n) : n);
    this.layers.push({
      ...layer,
      ...(name === undefined ? {} : { [key]: called }),
      ...(from === undefined ? {} : { from: Array.isArray(from) ? from.map(there) : there(from) }),
    });
    this.last = called;
  }
}

/** Names given within a block, and what they are in the whole. */
function namesIn(items: readonly LayerItem[], path: string): [string, string][] {
  return items.flatMap((item): [string, string][] => {
    if (Array.isArray(item)) return namesIn(item, path);
    const layer = item as Exclude<LayerItem, readonly LayerItem[]>;
    if (layer?.type === "block") return [];
    if (layer?.type === "residual") return [...namesIn(layer.layers, path), ...namesIn(layer.shortcut, path)];
    const name = layer?.type === "custom" ? layer.as : (layer as { name?: string } | null)?.name;
    return name === undefined ? [] : [[name, `${path}${name}`]];
  });
}

/**
 * Layers one after the other, and the loss that they are trained on: a checked model. Lists and blocks of layers are taken
 * apart, so that what it gives is plain data, the same as a model file holds. `input` is the shape of one row, batch left
 * out, and may be absent where the first layer tells it. Throws ChainruleError "model" where layers do not fit together.
 *
 * @example
 * const dense = sequential([linear(784, 128), relu(), dropout(0.2), linear(10)], { loss: "crossEntropy" });
 * const images = sequential([conv2d(8, 3, { padding: 1 }), relu(), maxPool2d(2), flatten(), linear(10)], {
 *   input: [1, 28, 28],
 *   loss: "crossEntropy",
 * });
 */
export function sequential(layers: readonly LayerItem[], options: Omit<ModelSpec, "layers">): ModelSpec {
  const expansion = new Expansion();
  if (!Array.isArray(layers)) bad("sequential: the first argument must be a list of layers");
  expansion.put(layers, "", { next: 0 }, new Map());
  return readModel({ ...options, layers: expansion.layers }, true);
}
