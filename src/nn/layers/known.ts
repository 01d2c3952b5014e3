import { bad } from "./fields.ts";
import type { AnyLayerType } from "./layer-type.ts";
import type { Adapters } from "./lora-spec.ts";

const known = new Map<string, AnyLayerType>();

/** Makes types known that are not from the start: a layer's function does so for its own. */
export function register(...types: readonly AnyLayerType[]): void {
  for (const type of types) known.set(type.type, type);
}

/** A type that was made known; null for any other. */
export const registered = (type: string): AnyLayerType | null => known.get(type) ?? null;

const knownAdapters = new Map<"lora", Adapters>();

/** Makes low-rank adapters known, which most nets do without. */
export function registerAdapters(adapters: Adapters): void {
  knownAdapters.set("lora", adapters);
}

/** What is known of them. Throws where that is not loaded. */
export const adapters = (): Adapters =>
  knownAdapters.get("lora") ??
  bad('what "lora" and "trainable" need is not loaded: await loadLayerTypes(model) before parseModel(model)');

/** Whether they are known. */
export const knowsAdapters = (): boolean => knownAdapters.size > 0;
