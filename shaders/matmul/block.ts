import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileOf, type VectorAccess } from "./common.ts";

/** Shape of the blocked kernel: `side` x `side` invocations of `rows` x `columns` elements of C each. */
export interface BlockShape {
  readonly side: 8 | 16;
  readonly rows: 4 | 8;
  readonly columns: 4 | 8;
  /** Terms of the sum that pass through workgroup memory at a time; a multiple of 4. */
  readonly depth: number;
  /** Two blocks in turn: the next is loaded while this one is used, with one barrier a block instead of two. */
  readonly double: boolean;
}

const UNROLL = 4;

/** Rows and columns of C that a workgroup computes. */
export const blockOf = ({ side, rows, columns }: BlockShape): readonly [number, number] => [
  side * rows,
  side * columns,
];

/** Bytes of workgroup memory. */
export const blockBytes = (shape: BlockShape): number =>
  blockOf(shape).reduce((a, b) => a + b) * shape.depth * 4 * (shape.double ? 2 : 1);

/**
 * Four vec4 of an operand, block rows along k, so that the inner loop reads both operands the same way.
 * Where the operand lies with k contiguous the 4 x 4 block is transposed in registers while it is loaded:
 * NT and TN cost what NN costs.
 */
function loadBlock(operand: "a" | "b", kContiguous: boolean, vector: boolean): string {
  const outer = operand === "a" ? "params.M" : "params.N";
  const at = (o: string, k: string) => (operand === "a" ? `indexA(${o}, ${k})` : `indexB(${k}, ${o})`);
  const plus = (name: string, d: number) => `${name} + ${d}u`;
  const vectorLoad = (r: number) => {
    const [o, k] = kContiguous ? [plus("o0", r), "k0"] : ["o0", plus("k0", r)];
    return `  if (${o} < ${outer} && ${k} < params.K) { r${r} = ${operand}[${at(o, k)} / 4u]; }`;
  };
  const scalarLoad = (r: number, c: number) => {
    const [o, k] = kContiguous ? [plus("o0", r), plus("k0", c)] : [plus("o0", c), plus("k0", r)];
    return `  if (${o} < ${outer} && ${k} < params.K) { r${r}.${"xyzw"[c]} = ${operand}[${at(o, k)}]; }`;
  };
  const four = [0, 1, 2, 3];
  const loads = four.map((r) => (vector ? vectorLoad(r) : four.map((c) => scalarLoad(r, c)).join("\n"))).join("\n");
  return wgsl`
fn load_${operand}(o0: u32, k0: u32) -> mat4x4<f32> {
  var r0 = vec4<f32>(); var r1 = vec4<f32>(); var r2 = vec4<f32>(); var r3 = vec4<f32>();
${loads}
#if ${kContiguous}
  return transpose(mat4x4<f32>(r0, r1, r2, r3));
#else
  return mat4x4<f32>(r0, r1, r2, r3);
#endif
}
`;
}

/**
 * Blocks of A and B pass through workgroup memory; each invocation keeps its elements of C in named vec4 accumulators.
 * A block is brought in as 4 x 4 pieces, first those of A, then those of B, shared out among the invocations.
 */
export function matmulBlock(variant: MatmulVariant, shape: BlockShape, vector: VectorAccess): string {
  const { form } = variant;
  const { side, rows, columns, depth, double } = shape;
  const [blockM, blockN] = blockOf(shape);
  const invocations = side * side;
  const widthA = blockM / 4;
  const widthB = blockN / 4;
  const piecesA = (widthA * depth) / 4;
  const pieces = piecesA + (widthB * depth) / 4;
  const quads = columns / 4;
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const accumulators = range(rows).flatMap((i) => range(quads).map((j) => `acc${i}_${j}`));
  const step = (k: number) => {
    const av = range(rows / 4).map(
      (i) =>
        `let a${i} = blockA[here * ${depth * widthA}u + (k + ${k}u) * ${widthA}u + local.y * ${rows / 4}u + ${i}u];`,
    );
    const bv = range(quads).map(
      (j) => `let b${j} = blockB[here * ${depth * widthB}u + (k + ${k}u) * ${widthB}u + ${j * side}u + local.x];`,
    );
    const sums = range(rows).flatMap((i) =>
      range(quads).map((j) => `acc${i}_${j} += a${i >> 2}.${"xyzw"[i & 3]} * b${j};`),
    );
    return `      {\n        ${[...av, ...bv, ...sums].join("\n        ")}\n      }`;
  };
  // Unrolled by hand, since Tint does not; entirely would take seconds to compile on some drivers.
  const inner = `    for (var k = 0u; k < ${depth}u; k += ${UNROLL}u) {\n${range(UNROLL).map(step).join("\n")}\n    }`;
  const stores = range(rows).flatMap((i) =>
    range(quads).map(
      (j) => `  store(m0 + local.y * ${rows}u + ${i}u, n0 + (local.x + ${j * side}u) * 4u, acc${i}_${j}, 0u);`,
    ),
  );
  const put = (name: string, width: number) =>
    range(4)
      .map((r) => `      block${name}[at + ${r * width}u] = piece[${r}];`)
      .join("\n");
  const bring = (at: string) => wgsl`
    for (var p = lane; p < ${pieces}u; p += ${invocations}u) {
      if (p < ${piecesA}u) {
        let piece = load_a(m0 + (p % ${widthA}u) * 4u, ${at} + (p / ${widthA}u) * 4u);
        let at = next * ${depth * widthA}u + (p / ${widthA}u) * ${4 * widthA}u + p % ${widthA}u;
${put("A", widthA)}
      } else {
        let q = p - ${piecesA}u;
        let piece = load_b(n0 + (q % ${widthB}u) * 4u, ${at} + (q / ${widthB}u) * 4u);
        let at = next * ${depth * widthB}u + (q / ${widthB}u) * ${4 * widthB}u + q % ${widthB}u;
${put("B", widthB)}
      }
    }
`;
  const copies = double ? 2 : 1;
  return wgsl`
${matmulHead(variant, vector)}
${loadBlock("a", form !== "TN", vector.a)}
${loadBlock("b", form === "NT", vector.b)}
var<workgroup> blockA: array<vec4<f32>, ${copies * depth * widthA}>;
var<workgroup> blockB: array<vec4<f32>, ${copies * depth * widthB}>;

@compute @workgroup_size(${side}, ${side})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, invocations)}
  let m0 = (tile / params.tilesN) * ${blockM}u;
  let n0 = (tile % params.tilesN) * ${blockN}u;
${accumulators.map((name) => `  var ${name} = vec4<f32>();`).join("\n")}
#if ${double}
  var next = 0u;
${bring("0u")}
  for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
    workgroupBarrier();
    let here = next;
    next = 1u - next;
    if (k0 + ${depth}u < params.K) {
${bring(`k0 + ${depth}u`)}
    }
${inner}
  }
#else
  let here = 0u;
  let next = 0u;
  for (var k0 = 0u; k0 < params.K; k0 += ${depth}u) {
${bring("k0")}
    workgroupBarrier();
${inner}
    workgroupBarrier();
  }
#endif
${stores.join("\n")}
}
`;
}
