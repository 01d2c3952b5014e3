import { ChainruleError } from "../../core/errors.ts";
import { type Shape, sizeOf } from "../../core/ndarray.ts";
import { type Assembled, assemble } from "../../nn/assemble.ts";
import { fieldsOf, newLayerOf } from "../../nn/layers/field-list.ts";
import { layerTypeOf, layerTypes, loadLayerTypes } from "../../nn/layers/registry.ts";
import { readModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parameterSpecs } from "../../nn/parameter-specs.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { misfit } from "../state/net-form.ts";
import type { Ends } from "../state/settings.ts";

await loadLayerTypes({ layers: layerTypes.map((type) => ({ type })) });

/** A layer as it is being edited: what a model file would hold, right or wrong, less what the layer before tells. */
export type DraftFields = Readonly<Record<string, unknown>>;

/** `id` stays the layer's while it is edited and moved. */
export interface DraftLayer {
  readonly id: number;
  readonly fields: DraftFields;
}

/** A net on its way to be one. */
export interface Draft {
  readonly input: unknown;
  readonly layers: readonly DraftLayer[];
}

/** What a draft comes to. */
export interface Judged {
  /** The checked model; null while something is wrong. */
  readonly model: ModelSpec | null;
  /** The layers as far as they fit, with all fields and shapes. */
  readonly sound: Assembled | null;
  /** What is wrong, and at which layer; null there where it is the net as a whole. */
  readonly wrong: { readonly at: number | null; readonly message: string } | null;
}

let made = 0;
const layerOf = (fields: DraftFields): DraftLayer => ({ id: ++made, fields });

/** A model as a draft: widths that the value before a layer tells are left to it. */
export function draftOf(model: ModelSpec): Draft {
  const { input, sources, shapes } = shapesOf(model);
  const layers = model.layers.map((layer, i) => {
    const source = sources[i]![0]!;
    const before = source < 0 ? input : shapes[source]!;
    const told: DraftFields = layerTypeOf(layer.type)?.fill?.({}, before) ?? {};
    return layerOf(Object.fromEntries(Object.entries(layer).filter(([key, value]) => told[key] !== value)));
  });
  return { input, layers };
}

/** Checks a draft against itself and against what the data asks for. */
export function judge({ input, layers }: Draft, ends: Ends): Judged {
  const list = layers.map((l) => l.fields);
  const tried = (count: number): Assembled | string => {
    try {
      return assemble(list.slice(0, count), input as Shape, true);
    } catch (cause) {
      if (cause instanceof ChainruleError) return cause.message;
      throw cause;
    }
  };
  const whole = tried(list.length);
  if (typeof whole === "string") {
    // Layers only look back, so those before the first that is wrong are right by themselves.
    let [sound, at] = [0, list.length];
    while (at - sound > 1) {
      const middle = (sound + at) >> 1;
      if (typeof tried(middle) === "string") at = middle;
      else sound = middle;
    }
    const before = tried(at - 1);
    const message = tried(at) as string;
    return {
      model: null,
      sound: typeof before === "string" ? null : before,
      wrong: { at: at > 0 && message.startsWith("layer") ? at - 1 : null, message },
    };
  }
  try {
    const model = readModel({ input, layers: list, loss: ends.loss }, true);
    const message = misfit(model, ends, "this net");
    return { model: message ? null : model, sound: whole, wrong: message ? { at: null, message } : null };
  } catch (cause) {
    if (!(cause instanceof ChainruleError)) throw cause;
    return { model: null, sound: whole, wrong: { at: null, message: cause.message } };
  }
}

/** Parameters of each layer that fits. */
export function parametersOf({ layers }: Pick<Assembled, "layers">): readonly number[] {
  const counts = layers.map(() => 0);
  for (const { layer, shape } of parameterSpecs({ layers, loss: "mse" })) counts[layer]! += sizeOf(shape);
  return counts;
}

const calledAt = (layers: readonly DraftLayer[], i: number): string => {
  const { name } = layers[i]!.fields;
  return typeof name === "string" ? name : `${i}`;
};

const namesIn = (from: unknown): readonly unknown[] => (Array.isArray(from) ? from : [from]);

/** The draft with its layers in another order, some gone, some new: what `from` says stays true. */
function reordered(before: readonly DraftLayer[], after: readonly DraftLayer[]): readonly DraftLayer[] {
  const now = new Map(after.map((l, i) => [l.id, i]));
  /** What a name meant, and what that is called now; what is gone gives way to what it read. */
  const renamed = (name: unknown): unknown => {
    const at = before.findIndex((_, i) => calledAt(before, i) === name);
    if (at < 0) return name;
    const place = now.get(before[at]!.id);
    if (place !== undefined) return calledAt(after, place);
    const { from } = before[at]!.fields;
    return from === undefined ? (at === 0 ? "input" : renamed(calledAt(before, at - 1))) : renamed(namesIn(from)[0]);
  };
  const old = new Set(before.map((l) => l.id));
  return after.map((l) => {
    const { from } = l.fields;
    if (from === undefined || !old.has(l.id)) return l;
    return { ...l, fields: { ...l.fields, from: Array.isArray(from) ? from.map(renamed) : renamed(from) } };
  });
}

/** A new layer of a type at `at`, with what its required fields begin with. */
export function insertLayer(draft: Draft, at: number, type: string, before: Shape): Draft {
  const known = layerTypeOf(type)!;
  const fields = { ...newLayerOf(known, before) };
  // What takes several values begins with the two before it.
  if (known.several) {
    const last = (back: number): string => (at >= back ? calledAt(draft.layers, at - back) : "input");
    Object.assign(fields, { from: [last(2), last(1)] });
  }
  const layers = [...draft.layers.slice(0, at), layerOf(fields), ...draft.layers.slice(at)];
  return { ...draft, layers: reordered(draft.layers, layers) };
}

export function removeLayer(draft: Draft, at: number): Draft {
  const layers = draft.layers.filter((_, i) => i !== at);
  return { ...draft, layers: reordered(draft.layers, layers) };
}

export function moveLayer(draft: Draft, at: number, to: number): Draft {
  const layers = draft.layers.filter((_, i) => i !== at);
  layers.splice(to, 0, draft.layers[at]!);
  return { ...draft, layers: reordered(draft.layers, layers) };
}

/** Another type in a layer's place: fields that both have are kept. */
export function changeType(draft: Draft, at: number, type: string, before: Shape): Draft {
  const known = layerTypeOf(type)!;
  const fresh = newLayerOf(known, before);
  const { fields } = draft.layers[at]!;
  const both = ["name", "from", ...fieldsOf(known).map((f) => f.name)];
  const kept = both.filter((key) => fields[key] !== undefined);
  return setFields(draft, at, { ...fresh, ...Object.fromEntries(kept.map((key) => [key, fields[key]])) });
}

/** One field; undefined leaves it out. A new name is also what `from` of others calls the layer from then on. */
export function setField(draft: Draft, at: number, key: string, value: unknown): Draft {
  const { [key]: _old, ...rest } = draft.layers[at]!.fields;
  const next = setFields(draft, at, value === undefined ? rest : { ...rest, [key]: value });
  return key === "name" ? { ...next, layers: reordered(draft.layers, next.layers) } : next;
}

function setFields(draft: Draft, at: number, fields: DraftFields): Draft {
  return { ...draft, layers: draft.layers.map((l, i) => (i === at ? { ...l, fields } : l)) };
}

/** A typed value: a number, a list of them with or without brackets, a word; undefined for nothing. */
export function typedValue(text: string): unknown {
  if (text === "") return undefined;
  for (const attempt of [text, `[${text}]`]) {
    try {
      const value: unknown = JSON.parse(attempt);
      if (attempt === text || (value as unknown[]).length > 1) return value;
    } catch {
      // The next reading, or a word.
    }
  }
  return text;
}

export function shownValue(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value) && !value.some(Array.isArray)) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a layer is called by others, and what `from` is as typed: names with commas between. */
export const calledIn = (draft: Draft, i: number): string => calledAt(draft.layers, i);

export function fromOf(text: string): unknown {
  const names = text.split(",").map((name) => name.trim());
  if (text.trim() === "") return undefined;
  return names.length === 1 ? names[0] : names;
}
