import { turnsOf } from "../turns.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, termsOf, tileCorner, tileOf, type VectorAccess } from "./common.ts";

/** Rows of invocations in a workgroup, and how long they are: what a subgroup has at most. */
const GROUPS = 8;
const ACROSS = 32;
const INVOCATIONS = GROUPS * ACROSS;
/** Elements of C that an invocation computes: rows, by four columns. */
const ROWS = 8;
/** Terms that pass through workgroup memory at a time. */
const DEPTH = 32;
/** Rows and columns of C that a workgroup computes. */
export const UNIFORM_BLOCK = [GROUPS * ROWS, ACROSS * 4] as const;
export const UNIFORM_SHAPE = { lanes: [GROUPS, ACROSS], rows: ROWS, columns: 4, depth: DEPTH } as const;
/** Fours behind each row of a block, so that rows of terms begin in different banks of workgroup memory. */
const PAD = 4;
/** Bytes of workgroup memory. */
export const UNIFORM_BYTES = UNIFORM_BLOCK.reduce((sum, width) => sum + (width + PAD) * DEPTH * 4, 0);

/** One operand. */
interface Side {
  readonly name: "a" | "b";
  /** Rows of A or columns of B that a workgroup has. */
  readonly width: number;
  readonly kContiguous: boolean;
  readonly vector: boolean;
}

/**
 * A product for GPUs that multiply by a number which all of a subgroup share as fast as by one of each invocation's own, as
 * Intel's do: it is an operand of the instruction, and is read from workgroup memory once for all, 16 at a time.
 *
 * A row of 32 invocations has the same eight rows of C. The first of a subgroup tells the others which: that is how a
 * compiler knows. Each has four columns. Terms lie by fours, so that with four terms of the rows and of one column an
 * invocation adds 32 times: the other columns' need not be in registers, of which 32 sums leave few.
 *
 * Place p of a block of w rows has row p % (w / 4) * 4 + p / (w / 4), so that neighbours who bring fours of rows, and those who
 * read them, are neighbours in memory. What lies behind an edge is read as it comes, from wherever: it counts in elements of
 * C that are behind the edge too and are not stored. Behind the last term it would count in others, so it becomes 0.
 *
 * Right where a subgroup's invocations are of one row: where subgroups have their numbers in order, as on every device
 * known. The known answer of a device's self-test finds out.
 */
export function matmulUniform(variant: MatmulVariant, vector: VectorAccess, terms: number, sliced: boolean): string {
  const { form } = variant;
  // Behind a part of the sum lies the next; but parts of a sum of whole blocks are whole blocks.
  const whole = terms % DEPTH === 0;
  const [height, width] = UNIFORM_BLOCK;
  const a: Side = { name: "a", width: height, kContiguous: form !== "TN", vector: vector.a };
  const b: Side = { name: "b", width, kContiguous: form === "NT", vector: vector.b };
  const rows = range(ROWS);
  const block = (side: Side) => `array<array<vec4<f32>, ${side.width + PAD}>, ${DEPTH / 4}>`;
  const column = (j: number) => [
    `      let b${j} = blockB[q][local.x + ${j * ACROSS}u];`,
    ...rows.flatMap((i) => range(4).map((t) => `      acc${i}.${lane(j)} += a${i}.${lane(t)} * b${j}.${lane(t)};`)),
  ];
  return wgsl`
enable subgroups;
${matmulHead(variant, vector)}
var<workgroup> blockA: ${block(a)};
var<workgroup> blockB: ${block(b)};

@compute @workgroup_size(${ACROSS}, ${GROUPS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, INVOCATIONS)}
${tileCorner(UNIFORM_BLOCK)}
${termsOf(sliced)}
  let first = min(subgroupBroadcastFirst(local.y), ${GROUPS - 1}u) * ${ROWS}u;
${placesOf(a)}
${placesOf(b)}
${rows.map((i) => `  var acc${i} = vec4<f32>();`).join("\n")}
  let blocks = (kEnd - kBegin + ${DEPTH - 1}u) / ${DEPTH}u;
  ${turnsOf("block", "blocks")}
${[a, b].flatMap((side) => bring(side, terms % 4 === 0, whole)).join("\n")}
    workgroupBarrier();
    for (var q = 0u; q < ${DEPTH / 4}u; q++) {
${rows.map((i) => `      let a${i} = blockA[q][first + ${i}u];`).join("\n")}
${range(4).flatMap(column).join("\n")}
    }
    workgroupBarrier();
  }
${rows.map((i) => `  store(m0 + ${elementOf(a, `(first + ${i}u)`)}, n0 + local.x * 4u, acc${i}, base);`).join("\n")}
}
`;
}

/** The row or column at a place of a block. */
const elementOf = ({ width }: Side, place: string): string =>
  `${place} % ${width / 4}u * 4u + ${place} / ${width / 4}u`;

/** Fours of terms that neighbours bring of one row: 64 bytes. */
const BESIDE = 4;

/** What an invocation brings, and from where: the first place and the first term, or four of them, of its own; and its way there. */
function placesOf({ name, kContiguous, vector, width }: Side): string {
  const [N, outer, unit] = [name.toUpperCase(), name === "a" ? "m0" : "n0", vector ? 4 : 1];
  const at = (element: string, k: string): string => {
    const [along, across] = kContiguous ? [k, element] : [element, k];
    return `var at${N} = (params.${name}Offset + ${along} + (${across}) * params.ld${name}) / ${unit}u;`;
  };
  const fours = width / 4;
  return kContiguous
    ? `  let p${N} = lane / ${BESIDE}u % ${INVOCATIONS / BESIDE}u; let q${N} = lane % ${BESIDE}u;
  ${at(`${outer} + p${N} % ${fours}u * 4u + p${N} / ${fours}u`, `kBegin + q${N} * 4u`)}`
    : `  let p${N} = lane % ${fours}u; let q${N} = lane / ${fours}u % ${INVOCATIONS / fours}u;
  ${at(`${outer} + p${N} * 4u`, `kBegin + q${N}`)}`;
}

/** Brings an operand's block, four numbers a turn, which lie side by side in memory; `fourfold` and `whole` are its terms. */
function bring({ name, kContiguous, vector, width }: Side, fourfold: boolean, whole: boolean): readonly string[] {
  const [N, unit] = [name.toUpperCase(), vector ? 4 : 1];
  const ld = `params.ld${name}${vector ? " / 4u" : ""}`;
  const read = (at: string): string =>
    vector
      ? `${name}[${at}]`
      : `vec4<f32>(${range(4)
          .map((c) => `${name}[${at} + ${c}u]`)
          .join(", ")})`;
  const turns = range((width * DEPTH) / 4 / INVOCATIONS);
  const fours = width / 4;
  const zeroed = (value: string, there: string): string => (whole ? value : `select(vec4<f32>(), ${value}, ${there})`);
  const stores = turns.map((turn) => {
    if (kContiguous) {
      const deep = DEPTH / 4 / BESIDE;
      const [q, p] = [(turn % deep) * BESIDE, Math.floor(turn / deep) * (INVOCATIONS / BESIDE)];
      const value = read(`at${N} + ${(q * 4) / unit}u + ${p / fours}u * (${ld})`);
      const k = `kBegin + block * ${DEPTH}u + (q${N} + ${q}u) * 4u`;
      // Of a sum of whole fours all four are there, or none.
      const there = fourfold ? `${k} < kEnd` : `vec4<u32>(0u, 1u, 2u, 3u) + ${k} < vec4<u32>(kEnd)`;
      return `    block${N}[q${N} + ${q}u][p${N} + ${p}u] = ${zeroed(value, there)};`;
    }
    // Whole fours of terms further on, which leaves the same one of four.
    const k = (turn * INVOCATIONS) / fours;
    const value = zeroed(read(`at${N} + ${k}u * (${ld})`), `kBegin + block * ${DEPTH}u + q${N} + ${k}u < kEnd`);
    const stores = range(4).map(
      (c) => `block${N}[q${N} / 4u + ${k / 4}u][p${N} + ${c * fours}u][q${N} % 4u] = four.${lane(c)};`,
    );
    return `    { let four = ${value}; ${stores.join(" ")} }`;
  });
  return [...stores, `    at${N} += ${DEPTH}u${kContiguous ? ` / ${unit}u` : ` * (${ld})`};`];
}
