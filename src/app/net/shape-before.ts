import type { Shape } from "../../core/ndarray.ts";
import type { Judged } from "./draft.ts";

/** What the layer at `i` reads, as far as that is known: what a new one there is made for. */
export function shapeBefore({ sound }: Judged, i: number): Shape {
  if (!sound) return [1];
  const source = sound.sources[i]?.[0] ?? Math.min(i, sound.shapes.length) - 1;
  return source < 0 ? sound.input : (sound.shapes[source] ?? sound.input);
}
