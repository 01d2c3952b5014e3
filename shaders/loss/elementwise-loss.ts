import { eachLane, flatMain, flatType, read, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { REDUCE_WORKGROUP } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";

/** `stride` is the number of invocations of the whole dispatch. With `four` elements are taken by fours, which `size` counts. */
export const lossParams = paramBlock({ size: "u32", stride: "u32", scale: "f32" });

/** A function of prediction and target: a loss's term, or its slope. */
export function lossFunction(name: string, expression: string): string {
  return wgsl`fn ${name}(p: f32, t: f32) -> f32 { return ${expression}; }\n`;
}

/** Adds an invocation's terms of `p` and `t` to `sum`. */
const addTerms = (four: boolean): string =>
  (four ? [".x", ".y", ".z", ".w"] : [""]).map((lane) => `sum += term(p${lane}, t${lane});`).join(" ");
const readBoth = "let p = prediction[i]; let t = target_[i];";
const slopes = (four: boolean): string =>
  `${eachLane(four, (lane) => `slope(p${lane}, t${lane})`)} * params.scale * dloss[0]`;

/** Partial sums of term(p, t) over all elements; shaders/reduce.ts adds them up. */
export function lossPartials(includes: readonly string[], term: string, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${lossParams.wgsl}
${storage(read("prediction", type), read("target_", type), write("partials"))}
${includes.join("")}
${sumReduce(REDUCE_WORKGROUP)}
${lossFunction("term", term)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = group.x * ${REDUCE_WORKGROUP}u + local; i < params.size; i += params.stride) {
    ${readBoth} ${addTerms(four)}
  }
  let result = reduceSum(sum, local);
  if (local == 0u) { partials[group.x] = result; }
}
`;
}

/** dp = slope(p, t) scale dloss */
export function lossGradient(includes: readonly string[], slope: string, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${lossParams.wgsl}
${storage(read("prediction", type), read("target_", type), read("dloss"), write("dp", type))}
${includes.join("")}
${lossFunction("slope", slope)}
${flatMain(`  ${readBoth}\n  dp[i] = ${slopes(four)};`)}
`;
}

/** `total` scales the sum, where one workgroup does all and no second kernel adds up. */
export const lossWithGradientParams = paramBlock({ size: "u32", stride: "u32", scale: "f32", total: "f32" });

/** Both in one pass: partial sums of the terms (times `total`), and dp = slope(p, t) scale dloss. */
export function lossWithGradient(includes: readonly string[], term: string, slope: string, four: boolean): string {
  const type = flatType(four);
  return wgsl`
${lossWithGradientParams.wgsl}
${storage(read("prediction", type), read("target_", type), read("dloss"), write("partials"), write("dp", type))}
${includes.join("")}
${sumReduce(REDUCE_WORKGROUP)}
${lossFunction("term", term)}
${lossFunction("slope", slope)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = group.x * ${REDUCE_WORKGROUP}u + local; i < params.size; i += params.stride) {
    ${readBoth}
    ${addTerms(four)}
    dp[i] = ${slopes(four)};
  }
  let result = reduceSum(sum, local);
  if (local == 0u) { partials[group.x] = result * params.total; }
}
`;
}
