import { wgsl } from "./wgsl.ts";

/** Invocations of a workgroup in kernels over flat arrays. */
export const FLAT_WORKGROUP = 256;

/** An array in the device's memory, as a kernel's code declares it. */
export interface StorageDeclaration {
  /** What the code calls it. */
  readonly name: string;
  /** Type of its elements. */
  readonly type: "f32" | "u32" | "i32" | "vec2<f32>" | "vec2<i32>" | "vec4<f32>" | "vec4<u32>" | "vec4<i32>";
  /** As in the launch's binding. */
  readonly access: "read" | "read_write";
}

/** Storage bindings from @binding(1) up, in the order of a launch's bindings. */
export function storage(...declarations: readonly StorageDeclaration[]): string {
  return declarations
    .map((d, i) => `@group(0) @binding(${i + 1}) var<storage, ${d.access}> ${d.name}: array<${d.type}>;`)
    .join("\n");
}

/** An array that the code only reads. */
export const read = (name: string, type: StorageDeclaration["type"] = "f32"): StorageDeclaration => ({
  name,
  type,
  access: "read",
});
/** An array that the code writes, and may read. */
export const write = (name: string, type: StorageDeclaration["type"] = "f32"): StorageDeclaration => ({
  name,
  type,
  access: "read_write",
});

/** Type of what an invocation of a flat kernel takes: an element, or four neighbours. */
export const flatType = (four?: boolean): "f32" | "vec4<f32>" => (four ? "vec4<f32>" : "f32");

/**
 * What a function of single elements makes of those that an invocation takes: `call` with `lane` behind each value's name
 * picks one of four. An invocation costs more than what an element takes, and 16 bytes are what memory likes.
 */
export const eachLane = (four: boolean, call: (lane: string) => string): string =>
  four ? `vec4<f32>(${["x", "y", "z", "w"].map((lane) => call(`.${lane}`)).join(", ")})` : call("");

/** The number that a sum of elements, or of `four` at once, is. */
export const totalOf = (four: boolean, sum: string): string =>
  four ? `${sum}.x + ${sum}.y + (${sum}.z + ${sum}.w)` : sum;

/** How a text that serves several kernels reaches an element of an array. */
export type Element = (i: number | string) => string;
/** As it is in a kernel of its own: `name[i]`. */
export const element =
  (array: string): Element =>
  (i) =>
    `${array}[${i}]`;

/**
 * Integer tests on bit patterns. A WGSL compiler may assume that NaN and infinity do not occur,
 * so `x != x` says nothing; these do.
 */
export const finiteTests = wgsl`
fn isNotFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }
fn finiteOrZero(x: f32) -> f32 { return select(x, 0.0, isNotFinite(x)); }
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
`;

/**
 * Entry point over a flat index `i`; a 2-D grid, because one dimension holds only 65,535 workgroups. `body` runs where
 * `i` is below `params.size`, so the code's block of parameters needs a u32 `size`.
 */
export function flatMain(body: string, workgroup = FLAT_WORKGROUP): string {
  return wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * ${workgroup}u + local;
  if (i >= params.size) { return; }
${body}
}
`;
}

/** Entry point with one workgroup per `row`. `prelude` may declare workgroup memory. */
export function rowMain(body: string, workgroup: number): string {
  return wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
${body}
}
`;
}

/** Workgroups of which values can be reduced: squares, for the two levels. */
export type ReduceWidth = 4 | 16 | 64 | 256;

/**
 * `name(value, local)`: one value a workgroup, by a fixed order of operations, so results repeat bit for bit.
 * All invocations must call it together; all get the result. Two barriers: first as many invocations as the square
 * root of the workgroup combine a stretch each, then everyone combines those. A binary tree would take eight, and on
 * software adapters a barrier costs what hundreds of additions do.
 */
export function workgroupReduce(
  name: string,
  workgroup: ReduceWidth,
  combine: (a: string, b: string) => string,
  type = "f32",
): string {
  const side = Math.sqrt(workgroup);
  return wgsl`
var<workgroup> ${name}All: array<${type}, ${workgroup}>;
var<workgroup> ${name}Parts: array<${type}, ${side}>;
fn ${name}(value: ${type}, local: u32) -> ${type} {
  ${name}All[local] = value;
  workgroupBarrier();
  if (local < ${side}u) {
    var part = ${name}All[local];
    for (var k = 1u; k < ${side}u; k++) { part = ${combine("part", `${name}All[k * ${side}u + local]`)}; }
    ${name}Parts[local] = part;
  }
  workgroupBarrier();
  var result = ${name}Parts[0];
  for (var k = 1u; k < ${side}u; k++) { result = ${combine("result", `${name}Parts[k]`)}; }
  return result;
}
`;
}

export const sumReduce = (workgroup: ReduceWidth): string =>
  workgroupReduce("reduceSum", workgroup, (a, b) => `${a} + ${b}`);
/** Two sums at once, for the barriers of one. */
export const sumReducePair = (workgroup: ReduceWidth): string =>
  workgroupReduce("reduceSum", workgroup, (a, b) => `${a} + ${b}`, "vec2<f32>");
export const maxReduce = (workgroup: ReduceWidth): string =>
  workgroupReduce("reduceMax", workgroup, (a, b) => `max(${a}, ${b})`);
