/** What nudging a number showed. */
export interface Nudge {
  readonly up: number;
  readonly down: number;
  readonly numeric: number;
  readonly analytic: number;
}

/** By how much: small beside every number here, and large beside what f64 rounds. */
export const NUDGE = 1e-5;

/** How far a step goes against the gradient. */
export const RATE = 0.1;

/** The slope of the loss, without any rule: from the loss with a number a little larger and a little smaller. */
export async function nudged(lossAt: (by: number) => Promise<number>, analytic: number): Promise<Nudge> {
  const [up, down] = [await lossAt(NUDGE), await lossAt(-NUDGE)];
  return { up, down, numeric: (up - down) / (2 * NUDGE), analytic };
}

/** f64 rounds a loss about 1 to 1e-16, so a slope over 2e-5 to 1e-11; the curve itself bends by less than that allows. */
export const agree = ({ numeric, analytic }: Nudge): boolean =>
  Math.abs(numeric - analytic) <= 1e-7 * Math.max(1, Math.abs(analytic));

export const replaced = (list: readonly number[], index: number, v: number): readonly number[] =>
  list.map((old, i) => (i === index ? v : old));

/** Numbers a step further against their gradients. */
export const descended = (list: readonly number[], gradient: readonly number[]): readonly number[] =>
  list.map((v, i) => v - RATE * gradient[i]!);
