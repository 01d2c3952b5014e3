import type { Shape } from "../../core/ndarray.ts";
import { Fields } from "./fields.ts";
import type { AnyLayerType } from "./layer-type.ts";

/** A field of a type of layer, as a form shows it. */
export interface LayerField {
  readonly name: string;
  /** A yes or no, one of `words`, or anything else: a number, a list of them, "same". */
  readonly kind: "flag" | "word" | "value";
  readonly words: readonly string[];
  /** The least that it may be, where it must be given; null where it may be left out. */
  readonly least: number | null;
}

/** Stands in for a model file's fields and writes down which ones a type reads, and how. */
class FieldList extends Fields {
  readonly found = new Map<string, LayerField>();

  constructor() {
    super({}, "");
  }

  private note(name: string, over: Partial<LayerField>): void {
    const blank = this.found.get(name) ?? { name, kind: "value", words: [], least: null };
    this.found.set(name, { ...blank, ...over });
  }

  override only(...known: readonly string[]): void {
    // Adapters come with a command, not by hand.
    for (const name of known) if (name !== "lora") this.note(name, {});
  }

  override has(): boolean {
    return false;
  }

  override value(key: string, among?: "list" | readonly string[]): unknown {
    if (key === "lora") return undefined;
    if (among === "list") return [0];
    if (among) this.note(key, { kind: "word", words: among });
    return among?.[0];
  }

  override whole(key: string, fallback?: number, least = 1): number {
    return this.checked(key, fallback, least);
  }

  override number(_key: string, fallback: number): number {
    return fallback;
  }

  override flag(key: string, fallback: boolean): boolean {
    this.note(key, { kind: "flag" });
    return fallback;
  }

  override checked(key: string, value: unknown, least: number): number {
    if (value === undefined) this.note(key, { least });
    return typeof value === "number" ? value : least;
  }
}

/** The fields of a type, in its own order: what its reading of a model file asks for, so there is no second list. */
export function fieldsOf(type: AnyLayerType): readonly LayerField[] {
  const list = new FieldList();
  try {
    type.read(list);
  } catch {
    // A field that is read by hand has nothing to read here; its name is known all the same.
  }
  return [...list.found.values()];
}

/** A new layer of a type for a value of shape `input`, without what that value tells. */
export function newLayerOf(type: AnyLayerType, input: Shape): Readonly<Record<string, unknown>> {
  const told = Object.keys(type.fill?.({}, [1]) ?? {});
  const needed = fieldsOf(type).filter(({ name, least }) => least !== null && !told.includes(name));
  return { type: type.type, ...Object.fromEntries(needed.map((f) => [f.name, f.least])), ...type.start?.(input) };
}
