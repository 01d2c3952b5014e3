import { wgsl } from "./wgsl.ts";

/** Philox 4x32-10 and the shuffle's permutation, bit for bit as in src/core/philox.ts and src/core/permute.ts. */
export const philox = wgsl`
fn mulhi(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu; let a1 = a >> 16u;
  let b0 = b & 0xffffu; let b1 = b >> 16u;
  let low = a0 * b0;
  let mid = a1 * b0 + (low >> 16u);
  let mid2 = a0 * b1 + (mid & 0xffffu);
  return a1 * b1 + (mid >> 16u) + (mid2 >> 16u);
}
fn philox(counter: vec4<u32>, seed: u32) -> vec4<u32> {
  var c = counter;
  var k = vec2<u32>(seed, 0u);
  for (var round = 0u; round < 10u; round++) {
    c = vec4<u32>(mulhi(0xcd9e8d57u, c.z) ^ c.y ^ k.x, 0xcd9e8d57u * c.z,
                  mulhi(0xd2511f53u, c.x) ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
fn randomWord(seed: u32, stream: u32, step: u32, element: u32) -> u32 {
  return philox(vec4<u32>(element >> 2u, step, stream, 0u), seed)[element & 3u];
}
`;

export const permutation = wgsl`
fn mixBits(v: u32) -> u32 {
  var h = v;
  h = (h ^ (h >> 16u)) * 0x7feb352du;
  h = (h ^ (h >> 15u)) * 0x846ca68bu;
  return h ^ (h >> 16u);
}
fn permute(seed: u32, stream: u32, epoch: u32, index: u32, n: u32, half: u32) -> u32 {
  let first = philox(vec4<u32>(0u, epoch, stream, 0u), seed);
  let second = philox(vec4<u32>(1u, epoch, stream, 0u), seed);
  var keys = array<u32, 6>(first.x, first.y, first.z, first.w, second.x, second.y);
  let mask = (1u << half) - 1u;
  var x = index;
  loop {
    var left = x >> half;
    var right = x & mask;
    for (var r = 0u; r < 6u; r++) {
      let next = left ^ (mixBits(right ^ keys[r]) & mask);
      left = right;
      right = next;
    }
    x = (left << half) | right;
    if (x < n) { break; }
  }
  return x;
}
`;
