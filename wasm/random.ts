/** Philox 4x32-10 and the permutation: the same bits as src/core/philox.ts and src/core/permute.ts. */

/** Writes four words for counter (c0, c1, c2, 0) and key (k0, 0) to `out`. */
export function philox(c0: u32, c1: u32, c2: u32, k: u32, out: usize): void {
  let c3: u32 = 0;
  let k0 = k;
  let k1: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>c0 * 0xd2511f53;
    const p1 = <u64>c2 * 0xcd9e8d57;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c1 = <u32>p1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  store<u32>(out, c0);
  store<u32>(out, c1, 4);
  store<u32>(out, c2, 8);
  store<u32>(out, c3, 12);
}

/** Eight words at `out`, of which the first six are the round keys of an epoch. */
export function epochKeys(seed: u32, stream: u32, epoch: u32, out: usize): void {
  philox(0, epoch, stream, seed, out);
  philox(1, epoch, stream, seed, out + 16);
}

/** Row `index` of the permutation of [0, n) whose round keys lie at `keys`; 4^half >= n. */
export function permuted(keys: usize, index: u32, n: u32, half: u32): u32 {
  const mask: u32 = (1 << half) - 1;
  let x = index;
  do {
    let left = x >> half;
    let right = x & mask;
    for (let r: usize = 0; r < 24; r += 4) {
      const next = left ^ (mix(right ^ load<u32>(keys + r)) & mask);
      left = right;
      right = next;
    }
    x = (left << half) | right;
  } while (x >= n);
  return x;
}

function mix(v: u32): u32 {
  let h = v;
  h = (h ^ (h >> 16)) * 0x7feb352d;
  h = (h ^ (h >> 15)) * 0x846ca68b;
  return h ^ (h >> 16);
}
