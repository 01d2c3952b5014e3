import { flatType, read } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { bindingsOf, finishFour, finishFunction, type MatmulVariant, matmulParams } from "./common.ts";

/** Adds the slices that a product divided along K left in scratch, and finishes the elements, or fours of neighbours. */
export function matmulSlices(variant: MatmulVariant, four: boolean): string {
  return wgsl`
${matmulParams.wgsl}
${bindingsOf(variant, [read("parts", flatType(four))], four)}
${finishFunction(variant)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let at = i * ${four ? 4 : 1}u;
  let size = params.M * params.N;
  if (at >= size) { return; }
  var value = ${flatType(four)}();
  for (var s = 0u; s < params.slices; s++) { value += parts[(s * size + at) / ${four ? 4 : 1}u]; }
  let n = at % params.N;
  c[i] = ${four ? finishFour : "finish(value, at, n)"};
}
`;
}
