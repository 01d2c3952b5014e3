import { wgsl } from "./wgsl.ts";

/** Invocations of a workgroup in kernels over flat arrays. */
export const FLAT_WORKGROUP = 256;

export interface StorageDeclaration {
  readonly name: string;
  readonly type: "f32" | "u32" | "i32" | "vec4<f32>";
  readonly access: "read" | "read_write";
}

/** Storage bindings from @binding(1) up, in the order of a launch's bindings. */
export function storage(...declarations: readonly StorageDeclaration[]): string {
  return declarations
    .map((d, i) => `@group(0) @binding(${i + 1}) var<storage, ${d.access}> ${d.name}: array<${d.type}>;`)
    .join("\n");
}

export const read = (name: string, type: StorageDeclaration["type"] = "f32"): StorageDeclaration => ({
  name,
  type,
  access: "read",
});
export const write = (name: string, type: StorageDeclaration["type"] = "f32"): StorageDeclaration => ({
  name,
  type,
  access: "read_write",
});

/**
 * Integer tests on bit patterns. A WGSL compiler may assume that NaN and infinity do not occur,
 * so `x != x` says nothing; these do.
 */
export const finiteTests = wgsl`
fn isNotFinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }
fn isNan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
`;

/** Entry point over a flat index `i`; a 2-D grid, because one dimension holds only 65,535 workgroups. */
export function flatMain(body: string): string {
  return wgsl`
@compute @workgroup_size(${FLAT_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let i = (group.y * groups.x + group.x) * ${FLAT_WORKGROUP}u + local;
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

/**
 * `name(value, local)`: the same fixed tree over a workgroup on every run, so results repeat bit for bit.
 * All invocations must call it together; all get the result.
 */
export function workgroupReduce(name: string, workgroup: number, combine: (a: string, b: string) => string): string {
  const steps: string[] = [];
  for (let half = workgroup / 2; half >= 1; half /= 2) {
    steps.push(
      `  if (local < ${half}u) { ${name}Shared[local] = ${combine(`${name}Shared[local]`, `${name}Shared[local + ${half}u]`)}; }\n  workgroupBarrier();`,
    );
  }
  return `
var<workgroup> ${name}Shared: array<f32, ${workgroup}>;
fn ${name}(value: f32, local: u32) -> f32 {
  ${name}Shared[local] = value;
  workgroupBarrier();
${steps.join("\n")}
  let result = ${name}Shared[0];
  workgroupBarrier();
  return result;
}
`;
}

export const sumReduce = (workgroup: number): string => workgroupReduce("reduceSum", workgroup, (a, b) => `${a} + ${b}`);
export const maxReduce = (workgroup: number): string =>
  workgroupReduce("reduceMax", workgroup, (a, b) => `max(${a}, ${b})`);
