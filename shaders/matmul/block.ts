import { range, wgsl } from "../wgsl.ts";
import { blockFill } from "./block-fill.ts";
import { type MatmulVariant, matmulHead, termsOf, tileCorner, tileOf, type VectorAccess } from "./common.ts";

/** Shape of the blocked kernel. */
export interface BlockShape {
  /** Invocations of a workgroup along the rows of C and along its columns. */
  readonly lanes: readonly [number, number];
  /** Elements of C that an invocation computes. */
  readonly rows: 4 | 8;
  readonly columns: 4 | 8;
  /** Terms of the sum that pass through workgroup memory at a time; a multiple of 4. */
  readonly depth: number;
  /** Terms that are written out in a turn of the inner loop; default 4. Drivers unroll further what they find short. */
  readonly unroll?: 1 | 4 | 8;
  /** For few registers. */
  readonly few?: boolean;
  /** Of four terms in workgroup memory, where both operands are halves. Sums stay f32. */
  readonly type?: "vec4<f16>";
}

/** Rows and columns of C that a workgroup computes. */
export const blockOf = ({ lanes, rows, columns }: BlockShape): readonly [number, number] => [
  lanes[0] * rows,
  lanes[1] * columns,
];

/** Bytes of workgroup memory. */
export const blockBytes = (shape: BlockShape): number => blockOf(shape).reduce((a, b) => a + b) * shape.depth * 4;

/**
 * Blocks of A and B pass through workgroup memory; each invocation keeps its elements of C in named vec4 accumulators.
 * Both operands lie there by terms, so the inner loop is the same for all forms.
 *
 * What compilers see through decides here. The inner loop counts from 0 to a known end and indices are sums of bounded
 * numbers, so Tint proves them inside and leaves its clamps out, and drivers unroll.
 */
export function matmulBlock(
  variant: MatmulVariant,
  shape: BlockShape,
  vector: VectorAccess,
  terms: number,
  sliced: boolean,
): string {
  const { lanes, rows, columns, depth, unroll = 4, few = false, type } = shape;
  const wide = (value: string) => (type ? `vec4<f32>(${value})` : value);
  const [blockM, blockN] = blockOf(shape);
  const invocations = lanes[0] * lanes[1];
  const quads = columns / 4;
  const accumulators = range(rows).flatMap((i) => range(quads).map((j) => `acc${i}_${j}`));
  const step = (k: number) => {
    const av = range(rows / 4).map((i) => `let a${i} = ${wide(`blockA[k + ${k}u][local.y * ${rows / 4}u + ${i}u]`)};`);
    const sums = range(quads).flatMap((j) => [
      `let b${j} = ${wide(`blockB[k + ${k}u][${j * lanes[1]}u + local.x]`)};`,
      ...range(rows).map((i) => `acc${i}_${j} += a${i >> 2}.${"xyzw"[i & 3]} * b${j};`),
    ]);
    return `      {\n        ${[...av, ...sums].join("\n        ")}\n      }`;
  };
  // Unrolled by hand, since Tint does not; entirely would take seconds to compile on some drivers.
  const inner = `    for (var q = 0u; q < ${depth / unroll}u; q++) {
      let k = q * ${unroll}u;
${range(unroll).map(step).join("\n")}
    }`;
  const stores = range(rows).flatMap((i) =>
    range(quads).map(
      (j) => `  store(m0 + local.y * ${rows}u + ${i}u, n0 + (local.x + ${j * lanes[1]}u) * 4u, acc${i}_${j}, base);`,
    ),
  );
  const fill = blockFill(variant.form, vector, { blockM, blockN, depth, invocations, terms, type });
  const block = (width: number) => `array<array<${type ?? "vec4<f32>"}, ${width}>, ${depth}>`;
  return wgsl`
${matmulHead(variant, vector)}
var<workgroup> blockA: ${block(blockM / 4)};
var<workgroup> blockB: ${block(blockN / 4)};

@compute @workgroup_size(${lanes[1]}, ${lanes[0]})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, invocations)}
${tileCorner([blockM, blockN])}
${termsOf(sliced)}
${fill.places}
${accumulators.map((name) => `  var ${name} = vec4<f32>();`).join("\n")}
  for (var k0 = kBegin; k0 < kEnd; k0 += ${depth}u) {
${fill.bring("k0", few)}
    workgroupBarrier();
${inner}
    workgroupBarrier();
  }
${stores.join("\n")}
}
`;
}
