/**
 * Philox 4x32-10, a counter-based generator: the same four words for the same (counter, key), in any order,
 * on any device. J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
 * shaders/random.ts holds the same function in WGSL.
 */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two u32. */
function mulhi(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = a0 * b0;
  const mid = a1 * b0 + (low >>> 16);
  const mid2 = a0 * b1 + (mid % 0x10000);
  return (a1 * b1 + Math.floor(mid / 0x10000) + ((mid2 / 0x10000) >>> 0)) >>> 0;
}

/** Writes four u32 for counter (c0..c3) and key (k0, k1) into `out` at `at`. */
export function philox(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at = 0,
): void {
  for (let round = 0; round < 10; round++) {
    const hi0 = mulhi(MULTIPLIER_0, c0);
    const lo0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const hi1 = mulhi(MULTIPLIER_1, c2);
    const lo1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (hi1 ^ c1 ^ k0) >>> 0;
    c1 = lo1;
    c2 = (hi0 ^ c3 ^ k1) >>> 0;
    c3 = lo0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** What a stream of random numbers is for. Streams never share numbers. */
export const STREAM = {
  init: 1,
  shuffle: 2,
  dropout: 3,
  data: 4,
  split: 5,
  check: 6,
  augment: 7,
  windows: 8,
  sampling: 9,
} as const;

const scratch = new Uint32Array(4);

/**
 * The u32 at (seed, stream, step, element). Four neighbouring elements share one Philox call:
 * counter = (element / 4, step, stream, 0), key = (seed, 0).
 */
export function randomWord(seed: number, stream: number, step: number, element: number): number {
  philox(element >>> 2, step >>> 0, stream >>> 0, 0, seed >>> 0, 0, scratch);
  return scratch[element & 3]!;
}

/** Uniform in [0, 1) with 24 bits, exact in f32. */
export function uniform(seed: number, stream: number, step: number, element: number): number {
  return (randomWord(seed, stream, step, element) >>> 8) * 2 ** -24;
}

/** `count` uniforms in [low, high). */
export function uniforms(seed: number, stream: number, step: number, count: number, low = 0, high = 1): Float32Array {
  const out = new Float32Array(count);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    if ((i & 3) === 0) philox(i >>> 2, step >>> 0, stream >>> 0, 0, seed >>> 0, 0, words);
    out[i] = low + (high - low) * ((words[i & 3]! >>> 8) * 2 ** -24);
  }
  return out;
}

/** Standard normal numbers by Box-Muller; two per pair of uniforms. */
export function normals(seed: number, stream: number, step: number, count: number): Float32Array {
  const u = uniforms(seed, stream, step, count + (count & 1));
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - u[i]!));
    const angle = 2 * Math.PI * u[i + 1]!;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}
