import { type Constant, type Room, scalarOf, valuesOf } from "./constants.ts";
import { spread } from "./dims.ts";
import { refuse } from "./protobuf.ts";
import { countOf } from "./view.ts";
import type { Scores } from "./wired-attention.ts";

/** What is added to a score, or stands in its place, where a step is not to be seen. */
const NOTHING = -1e4;

/** The scores with a mask on them: where `hidden` is true a step is not seen. Only a causal one is a layer's. */
export function masked(
  scores: Scores,
  mask: Constant,
  hides: (v: number) => boolean,
  room: Room,
  where: string,
): Scores {
  const [q, k] = [scores.queries.view, scores.keys.view].map((view) => countOf(view.axes.at(-2)!)) as [number, number];
  const rank = mask.dims.length;
  const [rows, columns] = [mask.dims[rank - 2] ?? 1, mask.dims[rank - 1] ?? 1];
  const others = mask.dims.slice(0, -2).some((d) => d !== 1);
  if (others || (rows !== 1 && rows !== q) || (columns !== 1 && columns !== k)) {
    refuse(`${where}: a mask that differs between heads or rows; here a step sees all, or itself and earlier ones`);
  }
  const values = valuesOf(mask, room, where);
  const from = spread([rows, columns], [q, k]);
  const hidden = Array.from({ length: q * k }, (_, i) => hides(values[from(i)]!));
  if (hidden.every((h) => !h)) return scores;
  if (q !== k || !hidden.every((h, i) => h === i % k > Math.floor(i / k))) {
    refuse(`${where}: a mask that is not causal; here a step sees all, or itself and earlier ones`);
  }
  return { ...scores, causal: true };
}

/** Where a mask is what is added: zeros, and numbers far below. */
export function addedMask(scores: Scores, mask: Constant, room: Room, where: string): Scores {
  const odd = valuesOf(mask, room, where).find((v) => v !== 0 && !(v <= NOTHING));
  if (odd !== undefined) refuse(`${where}: adds ${odd} to scores; a mask is 0 and -Infinity, or below ${NOTHING}`);
  return masked(scores, mask, (v) => v !== 0, room, where);
}

export const isNothing = (constant: Constant | undefined): boolean => (scalarOf(constant) ?? 0) <= NOTHING;
