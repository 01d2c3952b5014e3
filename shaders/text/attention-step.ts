import {
  flatMain,
  flatType,
  maxReduce,
  type ReduceWidth,
  read,
  rowMain,
  storage,
  sumReduce,
  totalOf,
  write,
} from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * `size` counts what a launch goes over: a step's values, or scores of all heads; `rows` are heads. Where kernels take values by
 * fours, `d`, `width` and the step's values count those.
 */
export const attentionStepParams = paramBlock({
  size: "u32",
  rows: "u32",
  steps: "u32",
  share: "u32",
  keyHeads: "u32",
  d: "u32",
  width: "u32",
  scale: "f32",
});

/** Puts a step's queries, keys and values where those of its position are kept. */
export function attentionStepKept(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${attentionStepParams.wgsl}
${storage(read("qkv", type), read("position", "i32"), write("past", type))}
${flatMain("past[u32(position[0]) * params.width + i] = qkv[i];")}
`;
}

/** Scores [heads, steps] of the steps up to this one. */
export function attentionStepScores(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${attentionStepParams.wgsl}
${storage(read("qkv", type), read("position", "i32"), read("past", type), write("scores"))}
${flatMain(wgsl`
  let head = i / params.steps;
  let j = i % params.steps;
  if (j > u32(position[0])) { return; }
  let q = head * params.d;
  let k = j * params.width + (params.rows + head / params.share) * params.d;
  var score = ${type}();
  for (var c = 0u; c < params.d; c++) { score = fma(qkv[q + c], past[k + c], score); }
  scores[i] = (${totalOf(four, "score")}) * params.scale;
`)}
`;
}

/** Means of values by the softmax of a head's scores, a workgroup a head. Scores become weights on the way. */
export function attentionStepMeans(workgroup: ReduceWidth): string {
  return wgsl`
${attentionStepParams.wgsl}
${storage(read("position", "i32"), read("past"), write("scores"), write("o"))}
${maxReduce(workgroup)}
${sumReduce(workgroup)}
${rowMain(
  wgsl`
  let start = row * params.steps;
  let count = u32(position[0]) + 1u;
  var top = -3.4028234e38;
  for (var j = local; j < count; j += ${workgroup}u) { top = max(top, scores[start + j]); }
  top = reduceMax(top, local);
  var sum = 0.0;
  for (var j = local; j < count; j += ${workgroup}u) {
    let weight = exp(scores[start + j] - top);
    scores[start + j] = weight;
    sum += weight;
  }
  sum = reduceSum(sum, local);
  storageBarrier();
  let v = (params.rows + params.keyHeads + row / params.share) * params.d;
  for (var c = local; c < params.d; c += ${workgroup}u) {
    var mean = 0.0;
    for (var j = 0u; j < count; j++) { mean = fma(scores[start + j], past[j * params.width + v + c], mean); }
    o[row * params.d + c] = mean / sum;
  }
`,
  workgroup,
)}
`;
}
