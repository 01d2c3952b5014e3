/**
 * IEEE 754 binary16 ("half"): 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. On a device halves lie two to a
 * word; on the host they are f32 numbers that a half can hold.
 */

/** Unit roundoff of binary16: 11 significant bits. */
export const HALF_U = 2 ** -11;
/** The least positive half; what is rounded below the least normal half, 2^-14, is off by up to half of this. */
export const HALF_LEAST = 2 ** -24;
/** The largest finite half. */
export const HALF_MAX = 65504;
/** From here on the nearest half is infinity: midway between HALF_MAX and what the next one would be. */
const OVERFLOW = 65520;
const SMALLEST_NORMAL = 2 ** -14;

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** Exponent of a positive normal f64. */
function exponentOf(x: number): number {
  number[0] = x;
  return ((words[1]! >>> 20) & 0x7ff) - 1023;
}

/** The nearest half, of two equally near ones the even; beyond the largest, infinity. Exact for any f64. */
export function roundToHalf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size >= OVERFLOW) return x < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const step = size < SMALLEST_NORMAL ? HALF_LEAST : 2 ** (exponentOf(size) - 10);
  // Between 2^52 and 2^53 steps an f64 holds whole steps only, so the sum is rounded to one, ties to even.
  const shift = 1.5 * 2 ** 52 * step;
  const rounded = size + shift - shift;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

/** The bits of the nearest half. */
export function bitsOfHalf(x: number): number {
  const rounded = roundToHalf(x);
  const size = Math.abs(rounded);
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x8000 : 0;
  if (Number.isNaN(rounded)) return 0x7e00;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size < SMALLEST_NORMAL) return sign | (size / HALF_LEAST);
  const exponent = exponentOf(size);
  return sign | (((exponent + 15) << 10) + (size * 2 ** (10 - exponent) - 1024));
}

/** The number that 16 bits stand for. */
export function halfOfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * HALF_LEAST : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Numbers as they lie on a device, two to a word; a last word that is not full ends in zero. */
export function packHalves(values: ArrayLike<number>): Uint16Array {
  const packed = new Uint16Array(Math.ceil(values.length / 2) * 2);
  for (let i = 0; i < values.length; i++) packed[i] = bitsOfHalf(values[i]!);
  return packed;
}

/** The first `size` halves of what was packed. */
export function unpackHalves(packed: Uint16Array, size: number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = halfOfBits(packed[i]!);
  return values;
}
