import type { Parts } from "./branch.ts";

/** A shift by so much leaves f32 five digits behind the point, of values near 0 too. */
const FARTHEST = 100;

/** A node or layer of a file, as its messages name it, and how many values it works on, where no layer beside it says so. */
interface Told {
  readonly where: string;
  readonly refuse: (message: string) => never;
  readonly width?: number | null;
}

/**
 * Values between two numbers, of which one may be infinite. Here relu has its end at 0, and relu6 another at 6: what
 * scales and shifts values there and back goes into the layers beside.
 */
export function addClip(
  parts: Pick<Parts, "add" | "affine">,
  [low, high]: readonly [low: number, high: number],
  { where, refuse, width = null }: Told,
): void {
  if (!(low < high)) refuse(`${where}: clips to [${low}, ${high}], which leaves nothing between`);
  const ends = [low, high].filter(Number.isFinite);
  if (ends.length === 0) return;
  if (low !== 0 && ends.some((v) => Math.abs(v) > FARTHEST)) {
    refuse(
      `${where}: clips to [${low}, ${high}]; here ends lie within ${FARTHEST} of 0, or the lower one is 0: where no value comes near them, export the net without it`,
    );
  }
  // From the end that there is: upward from the lower one, else downward from the upper one.
  const start = Number.isFinite(low) ? low : high;
  const scale = Number.isFinite(low) ? (ends.length === 2 ? 6 / (high - low) : 1) : -1;
  const moved = start !== 0 || scale !== 1;
  const of = (by: number, plus: number) => ({ scale: Float64Array.of(by), shift: Float64Array.of(plus) });
  if (moved) parts.affine(of(scale, 0 - start * scale), where, width);
  parts.add({ type: ends.length === 2 ? "relu6" : "relu" }, where);
  if (moved) parts.affine(of(1 / scale, start), where, width);
}

/** ELU of x / alpha, and that times alpha: the two scales go into the layers beside. */
export function addCelu(
  parts: Pick<Parts, "add" | "affine">,
  alpha: number,
  { where, refuse, width = null }: Told,
): void {
  if (!(alpha > 0)) refuse(`${where}: its alpha must be above 0, got ${alpha}`);
  const by = (scale: number) => ({ scale: Float64Array.of(scale), shift: Float64Array.of(0) });
  if (alpha !== 1) parts.affine(by(1 / alpha), where, width);
  parts.add({ type: "elu", alpha: 1 }, where);
  if (alpha !== 1) parts.affine(by(alpha), where, width);
}
