import { flatMain, flatType, read, totalOf, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type AttentionVariant, attentionHead, LOWEST, remains } from "./common.ts";

/** Attention by one invocation a query, or a key, whose sums lie in the result's memory: any width of a head. */

const placeOfQuery = wgsl`
  let step = i % params.t;
  let h = (i / params.t) % params.heads;
  let b = i / (params.t * params.heads);
  let start = b * params.t * params.width;
  let share = params.heads / params.keyHeads;
  let q = start + step * params.width + h * params.d;
  let k = start + (params.heads + h / share) * params.d;
  let v = k + params.keyHeads * params.d;
  let y = (b * params.t + step) * params.heads * params.d + h * params.d;
`;

/** o and lse: keys one after the other, with a running maximum to which sums are rescaled. */
export function attentionRow(variant: AttentionVariant): string {
  return wgsl`
${attentionHead(variant, [read("qkv")], [write("o"), write("lse")])}
${flatMain(wgsl`
${placeOfQuery}
  let seen = seenBy(step, lengthOf(b));
  for (var c = 0u; c < params.d; c++) { o[y + c] = 0.0; }
  var top = ${LOWEST};
  var sum = 0.0;
  for (var j = 0u; j < seen; j++) {
    var score = 0.0;
    for (var c = 0u; c < params.d; c++) { score = fma(qkv[q + c], qkv[k + j * params.width + c], score); }
    score *= params.scale;
    let next = max(top, score);
    let rest = ${remains("top", "next")};
    var weight = exp(score - next);
    top = next;
    sum = fma(sum, rest, weight);
#if ${variant.dropout}
    weight *= kept(i, j);
#endif
    for (var c = 0u; c < params.d; c++) { o[y + c] = fma(weight, qkv[v + j * params.width + c], o[y + c] * rest); }
  }
  let any = seen > 0u;
  for (var c = 0u; c < params.d; c++) { o[y + c] = select(0.0, o[y + c] / sum, any); }
  lse[i] = select(0.0, top + log(max(sum, 1.0)), any);
`)}
`;
}

/** sums [n, heads, t]: for each query the sum of dy o over its head, whose `d` counts elements, or fours. */
export function attentionSums(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${attentionHead({ lengths: false, dropout: false }, [read("dy", type), read("o", type)], [write("sums")])}
${flatMain(wgsl`
  let step = i % params.t;
  let h = (i / params.t) % params.heads;
  let y = (i / (params.t * params.heads) * params.t + step) * params.heads * params.d + h * params.d;
  var sum = ${type}();
  for (var c = 0u; c < params.d; c++) { sum = fma(dy[y + c], o[y + c], sum); }
  sums[i] = ${totalOf(four, "sum")};
`)}
`;
}

/** Score, weight and slope of a pair of query and key; `row` is the query's number. */
const pair = ({ dropout }: AttentionVariant, row: string): string => wgsl`
    var score = 0.0;
    var slope = 0.0;
    for (var c = 0u; c < params.d; c++) {
      score = fma(qkv[q + c], qkv[k + c], score);
      slope = fma(dy[y + c], qkv[v + c], slope);
    }
    let weight = exp(score * params.scale - lse[${row}]);
#if ${dropout}
    let factor = kept(${row}, j);
#else
    let factor = 1.0;
#endif
    let ds = params.scale * weight * (slope * factor - sums[${row}]);
`;

/** dq in dqkv: an invocation a query. */
export function attentionQueryRow(variant: AttentionVariant): string {
  return wgsl`
${attentionHead(variant, [read("dy"), read("qkv"), read("lse"), read("sums")], [write("dqkv")])}
${flatMain(wgsl`
${placeOfQuery.replace("let k =", "var k =").replace("let v =", "var v =")}
  let seen = seenBy(step, lengthOf(b));
  for (var c = 0u; c < params.d; c++) { dqkv[q + c] = 0.0; }
  for (var j = 0u; j < seen; j++) {
${pair(variant, "i")}
    for (var c = 0u; c < params.d; c++) { dqkv[q + c] = fma(ds, qkv[k + c], dqkv[q + c]); }
    k += params.width;
    v += params.width;
  }
`)}
`;
}

/** dk and dv in dqkv: an invocation a key, which goes through the queries of its heads. */
export function attentionKeyRow(variant: AttentionVariant): string {
  return wgsl`
${attentionHead(variant, [read("dy"), read("qkv"), read("lse"), read("sums")], [write("dqkv")])}
${flatMain(wgsl`
  let j = i % params.t;
  let head = (i / params.t) % params.keyHeads;
  let b = i / (params.t * params.keyHeads);
  let length = lengthOf(b);
  let share = params.heads / params.keyHeads;
  let k = (b * params.t + j) * params.width + (params.heads + head) * params.d;
  let v = k + params.keyHeads * params.d;
  for (var c = 0u; c < params.d; c++) { dqkv[k + c] = 0.0; dqkv[v + c] = 0.0; }
  let first = select(0u, j, params.causal != 0u);
  let last = select(0u, length, j < length);
  for (var h = head * share; h < (head + 1u) * share; h++) {
    for (var step = first; step < last; step++) {
      let q = (b * params.t + step) * params.width + h * params.d;
      let y = ((b * params.t + step) * params.heads + h) * params.d;
      let row = (b * params.heads + h) * params.t + step;
${pair(variant, "row")}
      for (var c = 0u; c < params.d; c++) {
        dqkv[k + c] = fma(ds, qkv[q + c], dqkv[k + c]);
        dqkv[v + c] = fma(weight * factor, dy[y + c], dqkv[v + c]);
      }
    }
  }
`)}
`;
}
