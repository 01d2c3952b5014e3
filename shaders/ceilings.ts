import { storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/**
 * Kernels that do one thing as fast as the device can, with results that are whole numbers and known in closed form:
 * every multiply-add, word and dispatch that counts has left its mark in a checked result.
 */

/**
 * `rounds` of the loop; `words` counts vec4s; `step` and `add` are 1, which compilers do not know. They are two numbers, not
 * one: c * s + s * 2 is rewritten to (c + 2) * s by some, which is no multiply-add.
 */
export const ceilingParams = paramBlock({ rounds: "u32", words: "u32", step: "f32", add: "f32" });
export const CEILING_WORKGROUP = 256;
/** vec4s of workgroup memory that the shared-memory kernel reads: 8 KiB. */
export const SHARED_WORDS = 512;

export interface FmaVariant {
  /** Independent chains of an invocation, each a vec4. */
  readonly chains: number;
  /** The built-in fma, or a * b + c, which a compiler may fuse. */
  readonly builtin: boolean;
}

const main = `@compute @workgroup_size(${CEILING_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32)`;
const times = (n: number, line: (k: number) => string): string =>
  Array.from({ length: n }, (_, k) => line(k)).join("\n");

/** Each chain c[k] begins at the invocation's number mod 64 and goes up by k + 1 a round: c * step + add (k + 1). */
export function fmaCeiling({ chains, builtin }: FmaVariant): string {
  const update = (k: number): string => (builtin ? `c${k} = fma(c${k}, m, d${k});` : `c${k} = c${k} * m + d${k};`);
  return wgsl`
${ceilingParams.wgsl}
${storage(write("c", "vec4<f32>"))}
${main} {
  let m = vec4<f32>(params.step);
${times(chains, (k) => `  let d${k} = vec4<f32>(params.add * ${k + 1}.0);\n  var c${k} = vec4<f32>(f32(id.x % 64u));`)}
  for (var i = 0u; i < params.rounds; i += 4u) {
${times(4, () => times(chains, (k) => `    ${update(k)}`))}
  }
  c[id.x] = ${Array.from({ length: chains }, (_, k) => `c${k}`).join(" + ")};
}
`;
}

/** a[i] = i for every word, so that copies and sums can be told from anything else. */
export function fillCeiling(): string {
  return wgsl`
${ceilingParams.wgsl}
@group(0) @binding(1) var<storage, read_write> a: array<vec4<u32>>;
${main} {
  let stride = groups.x * ${CEILING_WORKGROUP}u;
  for (var i = id.x; i < params.words; i += stride) { a[i] = vec4<u32>(0u, 1u, 2u, 3u) + 4u * i; }
}
`;
}

/** b = a. */
export function copyCeiling(): string {
  return wgsl`
${ceilingParams.wgsl}
@group(0) @binding(1) var<storage, read> a: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> b: array<vec4<u32>>;
${main} {
  let stride = groups.x * ${CEILING_WORKGROUP}u;
  for (var i = id.x; i < params.words; i += stride) { b[i] = a[i]; }
}
`;
}

/** Sums mod 2^32, one vec4 an invocation. */
export function readCeiling(): string {
  return wgsl`
${ceilingParams.wgsl}
@group(0) @binding(1) var<storage, read> a: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> b: array<vec4<u32>>;
${main} {
  let stride = groups.x * ${CEILING_WORKGROUP}u;
  var sum = vec4<u32>(0u);
  for (var i = id.x; i < params.words; i += stride) { sum += a[i]; }
  b[id.x] = sum;
}
`;
}

/** c = the sum over rounds of tile[(local + round) mod SHARED_WORDS], where tile[j] = j. */
export function sharedCeiling(): string {
  return wgsl`
${ceilingParams.wgsl}
${storage(write("c", "vec4<f32>"))}
var<workgroup> tile: array<vec4<f32>, ${SHARED_WORDS}>;
${main} {
  for (var j = local; j < ${SHARED_WORDS}u; j += ${CEILING_WORKGROUP}u) { tile[j] = vec4<f32>(params.step * f32(j)); }
  workgroupBarrier();
${times(4, (k) => `  var s${k} = vec4<f32>(0.0);`)}
  for (var i = 0u; i < params.rounds; i += 4u) {
${times(4, (k) => `    s${k} += tile[(local + i + ${k}u) % ${SHARED_WORDS}u];`)}
  }
  c[id.x] = s0 + s1 + s2 + s3;
}
`;
}

/** Adds one to a counter: dispatches of a pass run one after the other. */
export function countCeiling(): string {
  return wgsl`
${storage(write("counter", "u32"))}
@compute @workgroup_size(1)
fn main() { counter[0] += 1u; }
`;
}
