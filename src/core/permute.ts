import { philox, STREAM } from "./philox.ts";

/**
 * A random permutation of [0, n) that is computed, not stored: a Feistel network over the next even power of two,
 * walked until it lands inside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
 * shaders/random.ts holds the same function in WGSL: host and device draw the same batches.
 */
const ROUNDS = 6;

/** Bits of half the Feistel domain: the smallest h >= 1 with 4^h >= n. */
export function halfBits(n: number): number {
  let h = 1;
  while (4 ** h < n) h++;
  return h;
}

/** One row of the permutation of epoch `epoch`. n from 1 to 2^30. */
export function permute(seed: number, epoch: number, index: number, n: number): number {
  const keys = epochKeys(seed, epoch);
  return permuteWith(keys, index, n, halfBits(n));
}

/** Six round keys for an epoch. */
export function epochKeys(seed: number, epoch: number): Uint32Array {
  const keys = new Uint32Array(8);
  philox(0, epoch >>> 0, STREAM.shuffle, 0, seed >>> 0, 0, keys, 0);
  philox(1, epoch >>> 0, STREAM.shuffle, 0, seed >>> 0, 0, keys, 4);
  return keys;
}

export function permuteWith(keys: Uint32Array, index: number, n: number, half: number): number {
  const mask = (1 << half) - 1;
  let x = index;
  do {
    let left = x >>> half;
    let right = x & mask;
    for (let r = 0; r < ROUNDS; r++) {
      const next = left ^ (mix(right ^ keys[r]!) & mask);
      left = right;
      right = next;
    }
    x = ((left << half) | right) >>> 0;
  } while (x >= n);
  return x;
}

/** A 32-bit finaliser (two multiply-xorshift rounds); any good mixer serves. */
function mix(v: number): number {
  let h = v >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b) >>> 0;
  return (h ^ (h >>> 16)) >>> 0;
}
