import { read, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { REDUCE_WORKGROUP } from "../reduce.ts";
import { wgsl } from "../wgsl.ts";

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
