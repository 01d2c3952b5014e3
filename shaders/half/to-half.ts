/**
 * Rounds to halves by integer arithmetic: to nearest, ties to even, subnormals kept, infinity beyond the largest. The
 * built-in pack2x16float may round either way, and its result is undefined where a value is too large, which is the very
 * case that must be seen.
 */
export const packHalves = `
fn halfBits(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  // A carry out of the fraction goes on into the exponent, whose bias changes from 127 to 15.
  let normal = (size + 0xfffu + ((size >> 13u) & 1u) - 0x38000000u) >> 13u;
  // Multiples of 2^-24: the fraction with its leading bit, moved right; by 25 nothing is left of it.
  let fraction = (size & 0x7fffffu) | 0x800000u;
  let right = min(126u - min(size >> 23u, 126u), 25u);
  let odd = (fraction >> right) & 1u;
  let small = (fraction + (1u << (max(right, 1u) - 1u)) - 1u + odd) >> right;
  var half = select(normal, small, size < 0x38800000u);
  half = select(half, 0x7c00u, size >= 0x477ff000u);
  half = select(half, 0x7e00u, size > 0x7f800000u);
  return half | ((bits >> 16u) & 0x8000u);
}
fn packHalves(x: f32, y: f32) -> u32 { return halfBits(x) | (halfBits(y) << 16u); }
`;

/** What the kernel below takes: its invocations, and elements. */
export const toHalfParams = (size: number, count: number): ArrayBuffer => Uint32Array.of(size, count).buffer;

/**
 * y = x as halves. An invocation writes one word; with `vector` (the count is a multiple of 4) two, from a vec4.
 */
export const toHalf = (vector: boolean): string => `
struct Params { size: u32, count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<${vector ? "vec4<f32>" : "f32"}>;
@group(0) @binding(2) var<storage, read_write> y: array<${vector ? "vec2<u32>" : "u32"}>;
${packHalves}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * 256u + local;
  if (i >= params.size) { return; }
  ${vector ? "y[i] = vec2<u32>(packHalves(x[i].x, x[i].y), packHalves(x[i].z, x[i].w));" : words}
}
`;

const words = `let second = 2u * i + 1u;
  y[i] = packHalves(x[2u * i], select(0.0, x[min(second, params.count - 1u)], second < params.count));`;
