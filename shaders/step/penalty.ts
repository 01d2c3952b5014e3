import { eachLane, flatMain, flatType, read, storage, sumReduce, totalOf, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { REDUCE_WORKGROUP } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";
import { CONTROL } from "./step.ts";

/** `stride` is the number of invocations of the whole dispatch; `size` counts elements, or fours where a kernel takes those. */
export const penaltyParams = paramBlock({ size: "u32", stride: "u32", l1: "f32", l2: "f32" });

/** Of one weight: l1 |w| + l2 w^2, and its slope. */
export const penaltyOf = (w: string): string => `params.l1 * abs(${w}) + params.l2 * ${w} * ${w}`;
export const penaltySlope = (w: string): string => `params.l1 * sign(${w}) + 2.0 * params.l2 * ${w}`;

/** Partial sums of the penalty; shaders/reduce.ts adds them up. */
export function penaltyPartials(four: boolean): string {
  return wgsl`
${penaltyParams.wgsl}
${storage(read("w", flatType(four)), write("partials"))}
${sumReduce(REDUCE_WORKGROUP)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = ${flatType(four)}();
  for (var i = group.x * ${REDUCE_WORKGROUP}u + local; i < params.size; i += params.stride) {
    let v = w[i];
    sum += ${penaltyOf("v")};
  }
  let result = reduceSum(${totalOf(four, "sum")}, local);
  if (local == 0u) { partials[group.x] = result; }
}
`;
}

/**
 * dy = dw + slope(w): the gradient of the data's loss and the penalty's together. An element an invocation, or `four`
 * (params.size counts those).
 */
export function penaltyGradient(scaled: boolean, four: boolean): string {
  const type = flatType(four);
  const scale = scaled ? `control[${CONTROL.scale}] * ` : "";
  return wgsl`
${penaltyParams.wgsl}
${storage(read("dw", type), read("w", type), ...(scaled ? [read("control")] : []), write("dy", type))}
${flatMain(`  let v = w[i];\n  dy[i] = dw[i] + ${scale}${eachLane(four, (lane) => `(${penaltySlope(`v${lane}`)})`)};`)}
`;
}
