import { wgsl } from "../wgsl.ts";
import { finishFunction, type MatmulVariant, matmulHead, matmulParams, tileOf, type VectorAccess } from "./common.ts";

/** Invocations of a workgroup in each direction. */
export const DIRECT_SIDE = 8;
/** Elements of C in each direction that an invocation computes, and a workgroup. */
export const DIRECT_TILE = 4;
export const DIRECT_BLOCK = DIRECT_SIDE * DIRECT_TILE;

const four = [0, 1, 2, 3] as const;
const lane = (i: number): string => "xyzw"[i]!;

/**
 * 4 x 4 elements of C an invocation, straight from memory: no workgroup memory and no barrier, which is what software
 * adapters and small products like. Columns behind the edge are read from the last that exists, which costs nothing in the
 * loop, and are not stored. Rows of A that lie with k contiguous begin four above the edge at the latest, so that one
 * address serves them all; what the neighbour above has is not stored again. Of fewer rows than four the others' values
 * are whatever lies there. Where an operand begins is worked out before the loop, and only added to in it.
 */
export function matmulDirect(variant: MatmulVariant, vector: VectorAccess, sliced: boolean): string {
  const { form } = variant;
  // Four k at a time where an operand lies with k contiguous and is read as vec4.
  const aAlongK = form !== "TN" && vector.a;
  const bAlongK = form === "NT" && vector.b;
  const step = aAlongK || bAlongK ? 4 : 1;
  const a = operand("a", form === "TN", vector.a, step);
  const b = operand("b", form !== "NT", vector.b, step);
  const body: string[] = [];
  if (aAlongK && bAlongK) {
    body.push(...a.loads[0]!, ...b.loads[0]!);
    for (const i of four) {
      body.push(`    acc${i} += vec4<f32>(${four.map((j) => `dot(a${i}, b${j})`).join(", ")});`);
    }
  } else {
    // Each k's loads stand before its sums: of both operands all at once would be more than some devices have registers.
    for (let kk = 0; kk < step; kk++) {
      const av = (i: number) => (aAlongK ? `a${i}.${lane(kk)}` : `a_${kk}.${lane(i)}`);
      const bv = bAlongK ? `vec4<f32>(${four.map((j) => `b${j}.${lane(kk)}`).join(", ")})` : `b_${kk}`;
      body.push(...a.loads[kk]!, ...b.loads[kk]!);
      for (const i of four) body.push(`    acc${i} += ${av(i)} * ${bv};`);
    }
  }
  return wgsl`
${matmulHead(variant, vector)}
@compute @workgroup_size(${DIRECT_SIDE}, ${DIRECT_SIDE})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, DIRECT_SIDE * DIRECT_SIDE)}
  let m = (tile / params.tilesN) * ${DIRECT_BLOCK}u + local.y * ${DIRECT_TILE}u;
  let n = (tile % params.tilesN) * ${DIRECT_BLOCK}u + local.x * ${DIRECT_TILE}u;
  if (m >= params.M || n >= params.N) { return; }
#if ${sliced}
  let kBegin = group.z * params.sliceK;
  let kEnd = min(params.K, kBegin + params.sliceK);
  let base = group.z * params.M * params.N;
#else
  // Where nothing depends on the workgroup's number drivers keep bounds once for a subgroup.
  const kBegin = 0u;
  let kEnd = params.K;
  const base = 0u;
#endif
#if ${form === "TN"}
  let first = m;
#else
  let first = min(m, max(params.M, ${DIRECT_TILE}u) - ${DIRECT_TILE}u);
#endif
${[...a.starts, ...b.starts].join("\n")}
  var acc0 = vec4<f32>(); var acc1 = vec4<f32>(); var acc2 = vec4<f32>(); var acc3 = vec4<f32>();
  for (var k = kBegin; k < kEnd; k += ${step}u) {
${[...body, ...a.move, ...b.move].join("\n")}
  }
  // In a loop: an epilogue is compiled for every place that it is called from.
  var done = array(${four.map((i) => `acc${i}`).join(", ")});
  for (var i = 0u; i < ${DIRECT_TILE}u; i++) {
    if (first + i >= m) { store(first + i, n, done[i], base); }
  }
}
`;
}

/**
 * One operand. Where its outer dimension (m or n) is contiguous: one vec4 `a_kk` over four m for each kk. Where k is: four
 * vec4 `a0` to `a3` over four k, loaded once a step; without vec4, `a_kk` from four scalars.
 */
function operand(name: "a" | "b", outerContiguous: boolean, vector: boolean, step: number) {
  const [outer, size] = name === "a" ? ["m", "params.M"] : ["n", "params.N"];
  const [ld, offset, running] = [`params.ld${name}`, `params.${name}Offset`, `at${name.toUpperCase()}`];
  const unit = vector ? " / 4u" : "";
  const last = (i: number) => `min(${outer} + ${i}u, ${size} - 1u)`;
  const turn = (begin: string) => ({
    starts: `  var ${running} = ${begin}kBegin * (${ld}${unit});`,
    move: [`    ${running} += ${step}u * (${ld}${unit});`],
  });
  /** Where element i of four is at k + kk, what comes before the loop for that, and what ends a turn. */
  const way = ((): { at(i: number, kk: number): string; starts: readonly string[]; move: readonly string[] } => {
    const later = (kk: number) => (kk === 0 ? running : `${running} + ${kk}u * (${ld}${unit})`);
    if (outerContiguous && vector) {
      const { starts, move } = turn(`(${offset} + ${outer})${unit} + `);
      return { at: (_, kk) => later(kk), starts: [starts], move };
    }
    if (outerContiguous) {
      const { starts, move } = turn("");
      const places = four.map((i) => `  let ${name}${i}At = ${offset} + ${last(i)};`);
      return { at: (i, kk) => `${name}${i}At + ${later(kk)}`, starts: [starts, ...places], move };
    }
    const along = (kk: number) => (kk === 0 ? `k${unit}` : `k + ${kk}u`);
    if (name === "a") {
      const begin = `  let aAt = (${offset} + first * ${ld})${unit};`;
      return { at: (i, kk) => `aAt + ${i}u * (${ld}${unit}) + ${along(kk)}`, starts: [begin], move: [] };
    }
    const places = four.map((i) => `  let ${name}${i}At = (${offset} + ${last(i)} * ${ld})${unit};`);
    return { at: (i, kk) => `${name}${i}At + ${along(kk)}`, starts: places, move: [] };
  })();
  const loadsOf = (kk: number): readonly string[] => {
    if (vector && !outerContiguous) {
      return kk === 0 ? four.map((i) => `    let ${name}${i} = ${name}[${way.at(i, 0)}];`) : [];
    }
    const one = (i: number) => `${name}[${way.at(i, kk)}]`;
    return [`    let ${name}_${kk} = ${vector ? one(0) : `vec4<f32>(${four.map(one).join(", ")})`};`];
  };
  const loads = Array.from({ length: step }, (_, kk) => loadsOf(kk));
  return { starts: way.starts, loads, move: way.move };
}

/** Adds the slices that a product divided along K left in scratch, and finishes the elements. */
export function matmulSlices(variant: MatmulVariant): string {
  const { bias, derivative } = variant.epilogue;
  const bindings = [
    "var<storage, read> parts: array<f32>",
    bias ? "var<storage, read> bias: array<f32>" : null,
    derivative !== null ? "var<storage, read> v: array<f32>" : null,
    "var<storage, read_write> c: array<f32>",
  ].filter((d) => d !== null);
  return wgsl`
${matmulParams.wgsl}
${bindings.map((d, i) => `@group(0) @binding(${i + 1}) ${d};`).join("\n")}
${finishFunction(variant)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let size = params.M * params.N;
  if (i >= size) { return; }
  var sum = 0.0;
  for (var s = 0u; s < params.slices; s++) { sum += parts[s * size + i]; }
  c[i] = finish(sum, i, i % params.N);
}
`;
}
