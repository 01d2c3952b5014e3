import { flatType, read, rowMain, storage, sumReduce, workgroupReduce, write } from "../common.ts";
import { ROW_WORKGROUP, rowElements } from "../norm/rows.ts";
import { paramBlock } from "../params.ts";
import { REDUCE_WORKGROUP } from "../reduce.ts";
import { lane, range, wgsl } from "../wgsl.ts";

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

/**
 * right [rows]: 1 where a row's largest logit is the label's, a workgroup a row. An invocation begins with the row's first
 * logit, so that what is largest of the classes that it looks at is what one after the other would find: the first of
 * equals, and never a NaN behind the first.
 */
export function rightRows(four: boolean): string {
  const { length } = rowElements({ four });
  const type = flatType(four);
  const places = four ? "vec4<u32>" : "u32";
  const taken = range(four ? 4 : 1).map((k) => {
    const of = four ? `.${lane(k)}` : "";
    return `vec2<u32>(bitcast<u32>(tops${of}), best${of})`;
  });
  const own = taken.reduce((a, b) => `larger(${a}, ${b})`);
  return wgsl`
${correctParams.wgsl}
${storage(read("x", type), read("labels", "i32"), write("right"))}
fn larger(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let x = bitcast<f32>(a.x);
  let y = bitcast<f32>(b.x);
  return select(a, b, (y > x) | ((y == x) & (b.y < a.y)));
}
${workgroupReduce("reduceLargest", ROW_WORKGROUP, (a, b) => `larger(${a}, ${b})`, "vec2<u32>")}
${rowMain(
  wgsl`
  let width = ${length};
  let start = row * width;
  var tops = ${type}(x[start]${four ? ".x" : ""});
  var best = ${places}();
  for (var j = local; j < width; j += ${ROW_WORKGROUP}u) {
    let v = x[start + j];
    let more = v > tops;
    tops = select(tops, v, more);
    best = select(best, ${four ? "4u * j + vec4<u32>(0u, 1u, 2u, 3u)" : "j"}, more);
  }
  let found = reduceLargest(${own}, local);
  if (local == 0u) { right[row] = select(0.0, 1.0, found.y == u32(labels[row])); }
`,
  ROW_WORKGROUP,
)}
`;
}
