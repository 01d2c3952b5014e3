import { finiteTests, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { fromQuad, QUAD } from "../quads.ts";
import { wgsl } from "../wgsl.ts";

/** What a launch does besides the product, as bits of `mode`: the last one takes every element of A for 1. */
export const STRIDED = { bias: 1, activation: 2, derivative: 4, ones: 8 } as const;

/** `am`, `ak`: from one row of A to the next, and from one of its terms; `bk`, `bn` of B alike. */
export const stridedParams = paramBlock({
  M: "u32",
  N: "u32",
  K: "u32",
  am: "u32",
  ak: "u32",
  bk: "u32",
  bn: "u32",
  tilesN: "u32",
  mode: "u32",
  alpha: "f32",
});

/** Rows and columns of C that an invocation computes, and invocations of a workgroup down and across. */
const [ROWS, COLUMNS] = [16, 4] as const;
const [TALL, WIDE] = [2, 8] as const;
export const STRIDED_BLOCK = [TALL * ROWS, WIDE * COLUMNS] as const;

const rows = Array.from({ length: ROWS }, (_, i) => i);
const own = Array.from({ length: ROWS / QUAD }, (_, i) => i);
const columns = Array.from({ length: COLUMNS }, (_, i) => i);
/** Element by element: an epilogue is compiled for every place that it stands in. */
const sumOf = (i: number): string => `sum${i}`;

/**
 * Any product of a net, however its operands lie and whatever is done to its elements, by one text: where pipelines are
 * compiled one after another, that counts. Each invocation of a quad loads every fourth of the quad's rows and swaps for the
 * others, so its rows come in an order of its own. `functions` are epilogues' texts, as they stand in Epilogue: those that
 * a net's products have between them, all of one activation.
 */
export function matmulStrided(functions: readonly string[]): string {
  const all = functions.join("\n");
  // Both may bring what they call along.
  const declared = [...new Set(all.split(/^(?=fn |const )/m).map((text) => text.trim()))].join("\n");
  const has = (name: string): boolean => all.includes(`fn ${name}(`);
  return wgsl`
enable subgroups;
${stridedParams.wgsl}
${storage(read("a"), read("b"), read("beside"), write("c"))}
${functions.length > 0 ? finiteTests : ""}
${declared}
@compute @workgroup_size(${WIDE}, ${TALL})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let tile = group.x;
  let place = local.x % ${QUAD}u;
  let m = (tile / params.tilesN) * ${STRIDED_BLOCK[0]}u + local.y * ${ROWS}u;
  let n = (tile % params.tilesN) * ${STRIDED_BLOCK[1]}u + local.x * ${COLUMNS}u;
  let ones = (params.mode & ${STRIDED.ones}u) != 0u;
${own.map((i) => `  var a${i} = min(m + ${QUAD * i}u + place, params.M - 1u) * params.am;`).join("\n")}
${columns.map((j) => `  var b${j} = min(n + ${j}u, params.N - 1u) * params.bn;`).join("\n")}
${rows.map((i) => `  var ${sumOf(i)} = vec4<f32>();`).join("\n")}
  for (var k = 0u; k < params.K; k++) {
    let row = vec4<f32>(${columns.map((j) => `b[b${j}]`).join(", ")});
${own.map((i) => `    let x${i} = select(a[a${i}], 1.0, ones); a${i} += params.ak;`).join("\n")}
${rows.map((i) => `    ${sumOf(i)} += ${fromQuad[i % QUAD]!(`x${Math.floor(i / QUAD)}`)} * row;`).join("\n")}
${columns.map((j) => `    b${j} += params.bk;`).join("\n")}
  }
  var sums = array(${rows.map(sumOf).join(", ")});
  for (var i = 0u; i < ${ROWS}u; i++) {
    for (var j = 0u; j < ${COLUMNS}u; j++) {
      let y = m + (i ^ place);
      let x = n + j;
      if (y < params.M && x < params.N) {
        let at = y * params.N + x;
        var value = sums[i][j];
        if ((params.mode & ${STRIDED.bias}u) != 0u) { value += beside[x]; }
#if ${has("activation")}
        if ((params.mode & ${STRIDED.activation}u) != 0u) { value = activation(value, params.alpha); }
#endif
#if ${has("derivative")}
        if ((params.mode & ${STRIDED.derivative}u) != 0u) { value *= derivative(beside[at], params.alpha); }
#endif
        c[at] = value;
      }
    }
  }
}
`;
}
