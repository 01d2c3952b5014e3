import { flatMain, read, storage, sumReduce, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { REDUCE_WORKGROUP } from "./reduce.ts";
import { wgsl } from "./wgsl.ts";

/** `stride` is the number of invocations of the whole dispatch. */
export const lossParams = paramBlock({ size: "u32", stride: "u32", scale: "f32" });

/** Partial sums of term(p, t) over all elements; shaders/reduce.ts adds them up. */
export function lossPartials(includes: string, term: string): string {
  return wgsl`
${lossParams.wgsl}
${storage(read("prediction"), read("target_"), write("partials"))}
${includes}
${sumReduce(REDUCE_WORKGROUP)}
fn term(p: f32, t: f32) -> f32 { return ${term}; }
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = group.x * ${REDUCE_WORKGROUP}u + local; i < params.size; i += params.stride) {
    sum += term(prediction[i], target_[i]);
  }
  let result = reduceSum(sum, local);
  if (local == 0u) { partials[group.x] = result; }
}
`;
}

/** dp = slope(p, t) scale dloss */
export function lossGradient(includes: string, slope: string): string {
  return wgsl`
${lossParams.wgsl}
${storage(read("prediction"), read("target_"), read("dloss"), write("dp"))}
${includes}
fn slope(p: f32, t: f32) -> f32 { return ${slope}; }
${flatMain("  dp[i] = slope(prediction[i], target_[i]) * params.scale * dloss[0];")}
`;
}

/** `total` scales the sum, where one workgroup does all and no second kernel adds up. */
export const lossWithGradientParams = paramBlock({ size: "u32", stride: "u32", scale: "f32", total: "f32" });

/** Both in one pass: partial sums of the terms (times `total`), and dp = slope(p, t) scale dloss. */
export function lossWithGradient(includes: string, term: string, slope: string): string {
  return wgsl`
${lossWithGradientParams.wgsl}
${storage(read("prediction"), read("target_"), read("dloss"), write("partials"), write("dp"))}
${includes}
${sumReduce(REDUCE_WORKGROUP)}
fn term(p: f32, t: f32) -> f32 { return ${term}; }
fn slope(p: f32, t: f32) -> f32 { return ${slope}; }
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = group.x * ${REDUCE_WORKGROUP}u + local; i < params.size; i += params.stride) {
    let p = prediction[i];
    let t = target_[i];
    sum += term(p, t);
    dp[i] = slope(p, t) * params.scale * dloss[0];
  }
  let result = reduceSum(sum, local);
  if (local == 0u) { partials[group.x] = result * params.total; }
}
`;
}

export const correctParams = paramBlock({ rows: "u32", N: "u32" });

/** y [1] = rows whose largest logit is the label's (the first of equals wins), in one workgroup. */
export function countCorrect(): string {
  return wgsl`
${correctParams.wgsl}
${storage(read("x"), read("labels", "i32"), write("y"))}
${sumReduce(REDUCE_WORKGROUP)}
@compute @workgroup_size(${REDUCE_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var row = local; row < params.rows; row += ${REDUCE_WORKGROUP}u) {
    var best = 0u;
    for (var j = 1u; j < params.N; j++) {
      if (x[row * params.N + j] > x[row * params.N + best]) { best = j; }
    }
    if (best == u32(labels[row])) { sum += 1.0; }
  }
  let result = reduceSum(sum, local);
  if (local == 0u) { y[0] = result; }
}
`;
}
