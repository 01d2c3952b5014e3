import { lane, wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, termsOf, tileOf, type VectorAccess } from "./common.ts";

/** Invocations of a workgroup in each direction. */
export const DIRECT_SIDE = 8;
/** Elements of C in each direction that an invocation computes, and a workgroup. */
export const DIRECT_TILE = 4;
export const DIRECT_BLOCK = DIRECT_SIDE * DIRECT_TILE;

const four = [0, 1, 2, 3] as const;

/**
 * 4 x 4 elements of C an invocation, straight from memory: no workgroup memory and no barrier, which is what software
 * adapters and small products like. Behind the edge of an operand that lies by terms is what the next term has, or nothing:
 * it is read and not stored, so that one address serves all four. Columns of B that lie with k contiguous are read again from
 * the last that exists. Rows of A that lie with k contiguous begin four above the edge at the latest, so that one
 * address serves them all; what the neighbour above has is not stored again. Of fewer rows than four the others' values
 * are whatever lies there. Where an operand begins is worked out before the loop, and only added to in it. `few`: for
 * devices of few registers.
 */
export function matmulDirect(variant: MatmulVariant, vector: VectorAccess, sliced: boolean, few: boolean): string {
  const { form } = variant;
  // Four k at a time where an operand lies with k contiguous and is read as vec4.
  const aAlongK = form !== "TN" && vector.a;
  const bAlongK = form === "NT" && vector.b;
  const step = aAlongK || bAlongK ? 4 : 1;
  // Elements are stored in a loop: an epilogue is compiled for every place that it is called from.
  const a = operand("a", form === "TN", vector.a, step);
  const b = operand("b", form !== "NT", vector.b, step);
  const body: string[] = [];
  if (aAlongK && bAlongK) {
    body.push(...(few ? [] : a.loads[0]!), ...b.loads[0]!);
    for (const i of four) {
      if (few) body.push(a.loads[0]![i]!);
      body.push(`    acc${i} += vec4<f32>(${four.map((j) => `dot(a${i}, b${j})`).join(", ")});`);
    }
  } else if (few && aAlongK) {
    // Row by row: compilers that keep a sum's register for as long as the loop lasts need another for all between its terms.
    for (let kk = 0; kk < step; kk++) body.push(...b.loads[kk]!);
    for (const i of four) {
      body.push(a.loads[0]![i]!);
      for (let kk = 0; kk < step; kk++) body.push(`    acc${i} += a${i}.${lane(kk)} * b_${kk};`);
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
${termsOf(sliced)}
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
  var done = array(${four.map((i) => `acc${i}`).join(", ")});
  for (var i = 0u; i < ${DIRECT_TILE}u; i++) {
    if (first + i >= m) { store(first + i, n, done[i], base); }
  }
}
`;
}

/**
 * One operand. Where its outer dimension (m or n) is contiguous: one vec4 `a_kk` over four m for each kk. Where k is: four
 * vec4 `a0` to `a3` over four k, loaded once a step; without vec4, `a_kk` from four scalars. `atA` is where the outer
 * dimension's stride has come to, `a0At` and so on where each of the four begins.
 */
function operand(name: "a" | "b", outerContiguous: boolean, vector: boolean, step: number) {
  const unit = vector ? " / 4u" : "";
  const [ld, running] = [`(params.ld${name}${unit})`, `at${name.toUpperCase()}`];
  const rows = name === "a" && !outerContiguous;
  const begin = (i: number): string => {
    const o = name === "a" ? "first" : `min(n + ${i}u, params.N - 1u)`;
    const at = outerContiguous ? (name === "a" ? "m" : "n") : `${o} * params.ld${name}`;
    return `  let ${name}${i}At = (params.${name}Offset + ${at})${unit};`;
  };
  const starts = (rows || outerContiguous ? ([0] as const) : four).map(begin);
  if (outerContiguous) starts.push(`  var ${running} = kBegin * ${ld} + ${name}0At;`);
  const at = (i: number, kk: number): string => {
    if (outerContiguous) return `${running} + ${kk}u * ${ld}${i > 0 ? ` + ${i}u` : ""}`;
    return `${rows ? `a0At + ${i}u * ${ld}` : `${name}${i}At`} + ${vector ? "k / 4u" : `k + ${kk}u`}`;
  };
  const load = (kk: number): readonly string[] => {
    if (!vector) return [`    let ${name}_${kk} = vec4<f32>(${four.map((i) => `${name}[${at(i, kk)}]`).join(", ")});`];
    if (outerContiguous) return [`    let ${name}_${kk} = ${name}[${at(0, kk)}];`];
    return kk === 0 ? four.map((i) => `    let ${name}${i} = ${name}[${at(i, 0)}];`) : [];
  };
  return {
    starts,
    loads: Array.from({ length: step }, (_, kk) => load(kk)),
    move: outerContiguous ? [`    ${running} += ${step}u * ${ld};`] : [],
  };
}
