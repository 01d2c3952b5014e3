import type { AnyLayerType } from "./layer-type.ts";

const known = new Map<string, AnyLayerType>();

/** Makes types known that are not from the start: a layer's function does so for its own. */
export function register(...types: readonly AnyLayerType[]): void {
  for (const type of types) known.set(type.type, type);
}

/** A type that was made known; null for any other. */
export const registered = (type: string): AnyLayerType | null => known.get(type) ?? null;
