/**
 * Error function in f64, to about 1e-15 relative: the series e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!! for small x,
 * the continued fraction of erfc beyond. Abramowitz and Stegun, 7.1.6 and 7.1.14.
 */
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
/** Below this the series converges fast; above, 1 - erf would cancel. */
const SWITCH = 2;

function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
}

/** erfc(x) for x >= SWITCH, the fraction evaluated from the far end. */
function fraction(x: number): number {
  let tail = x;
  for (let n = 120; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}

export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x === 0) return 1;
  return x < SWITCH ? 1 - series(x) : fraction(x);
}

/** Standard normal distribution function. */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}

/** Standard normal density. */
export function normalPdf(x: number): number {
  return Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
}
