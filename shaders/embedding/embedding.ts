import { flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

export const embeddingParams = paramBlock({ size: "u32", width: "u32" });

/** y [n, width] = rows of weight named by tokens; one invocation an element, or `four` (params count those). */
export function embedding(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${embeddingParams.wgsl}
${storage(read("tokens", "i32"), read("weight", type), write("y", type))}
${flatMain("  y[i] = weight[u32(tokens[i / params.width]) * params.width + i % params.width];")}
`;
}

/** `without` is the row that gets no gradient; where every row gets one, the vocabulary, which no token is. */
export const embeddingScanParams = paramBlock({ size: "u32", width: "u32", count: "u32", without: "u32" });

/** dweight: an invocation an element, or `four` (params count those), looks at every token. */
export function embeddingScan(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${embeddingScanParams.wgsl}
${storage(read("dy", type), read("tokens", "i32"), write("dweight", type))}
${flatMain(wgsl`
  let row = i / params.width;
  let column = i % params.width;
  let count = select(params.count, 0u, row == params.without);
  var sum = ${type}();
  for (var k = 0u; k < count; k++) {
    sum += select(${type}(), dy[k * params.width + column], u32(tokens[k]) == row);
  }
  dweight[i] = sum;
`)}
`;
}

export const sortTokensParams = paramBlock({ count: "u32", vocabulary: "u32" });

/** Invocations of the one workgroup that sorts, and tokens that it takes at once. */
export const SORT_WORKGROUP = 256;

/**
 * Sorts the places of tokens by their tokens, places of one token in their order: order [count], and first [vocabulary + 1]
 * where each token's begin. One workgroup counts, so nothing depends on who comes first: it takes as many tokens at once as
 * it has invocations, and each place's rank among its token's is how many there were before, and how many stand before it
 * among these. `rank` [count] is scratch.
 */
export function sortTokens(): string {
  return wgsl`
${sortTokensParams.wgsl}
${storage(read("tokens", "i32"), write("first", "u32"), write("rank", "u32"), write("order", "u32"))}
var<workgroup> here: array<u32, ${SORT_WORKGROUP}>;
@compute @workgroup_size(${SORT_WORKGROUP})
fn main(@builtin(local_invocation_index) local: u32) {
  for (var v = local; v <= params.vocabulary; v += ${SORT_WORKGROUP}u) { first[v] = 0u; }
  storageBarrier();
  // first[v] counts the places of token v so far.
  for (var start = 0u; start < params.count; start += ${SORT_WORKGROUP}u) {
    let at = start + local;
    let some = min(params.count - start, ${SORT_WORKGROUP}u);
    here[local] = u32(tokens[min(at, params.count - 1u)]);
    workgroupBarrier();
    let token = here[local];
    var before = 0u;
    var behind = 0u;
    for (var k = 0u; k < some; k++) {
      let same = here[k] == token;
      before += select(0u, 1u, same & (k < local));
      behind += select(0u, 1u, same & (k > local));
    }
    let known = first[token];
    if (at < params.count) { rank[at] = known + before; }
    workgroupBarrier();
    storageBarrier();
    if (at < params.count && behind == 0u) { first[token] = known + before + 1u; }
    storageBarrier();
    workgroupBarrier();
  }
  // Counts become the sums of those before them: each invocation those of a stretch.
  let width = (params.vocabulary + ${SORT_WORKGROUP}u) / ${SORT_WORKGROUP}u;
  let begin = min(local * width, params.vocabulary + 1u);
  let end = min(begin + width, params.vocabulary + 1u);
  var sum = 0u;
  for (var v = begin; v < end; v++) { sum += first[v]; }
  here[local] = sum;
  workgroupBarrier();
  var running = 0u;
  for (var k = 0u; k < local; k++) { running += here[k]; }
  for (var v = begin; v < end; v++) {
    let own = first[v];
    first[v] = running;
    running += own;
  }
  storageBarrier();
  workgroupBarrier();
  for (var at = local; at < params.count; at += ${SORT_WORKGROUP}u) {
    order[first[u32(tokens[at])] + rank[at]] = at;
  }
}
`;
}

/** dweight from the sorted places: an invocation an element, or `four`, goes through those of its token, in their order. */
export function embeddingSums(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${embeddingScanParams.wgsl}
${storage(read("dy", type), read("first", "u32"), read("order", "u32"), write("dweight", type))}
${flatMain(wgsl`
  let row = i / params.width;
  let column = i % params.width;
  var k = first[row];
  let end = select(first[row + 1u], k, row == params.without);
  var sum = ${type}();
  // Four at a time, which do not wait for each other.
  for (; k + 3u < end; k += 4u) {
    let a = dy[order[k] * params.width + column];
    let b = dy[order[k + 1u] * params.width + column];
    let c = dy[order[k + 2u] * params.width + column];
    let d = dy[order[k + 3u] * params.width + column];
    sum = (((sum + a) + b) + c) + d;
  }
  for (; k < end; k++) { sum += dy[order[k] * params.width + column]; }
  dweight[i] = sum;
`)}
`;
}
