import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, tileOf, type VectorAccess } from "./common.ts";

/** Elements of C that an invocation computes: 128 sums for 24 loads. More of either is too much code for a cache. */
const TALL_TILE = { rows: 16, columns: 8 } as const;
/** Invocations of a workgroup in each direction; where quads share, the four of a quad lie side by side. */
const SIDE = { rows: 4, columns: 8 } as const;
const QUAD = 4;
/** Terms of a sum that are added at a time: what a vec4 along k holds, and an operand is read so only where 4 divides K. */
const TALL_STEP = 4;
export const TALL_BLOCK = [TALL_TILE.rows * SIDE.rows, TALL_TILE.columns * SIDE.columns] as const;
export const TALL_INVOCATIONS = SIDE.rows * SIDE.columns;

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/**
 * A tall tile of C an invocation, straight from memory, one k at a time: for adapters on which a load costs far more
 * than a multiply-add and every register lies in a cache anyway. Behind the edge the last row or column is read again
 * and not stored. A vec4 of an operand is four rows or columns of C where those lie side by side, else four terms of one.
 *
 * `shared`: the four invocations of a quad have the same rows. Each loads four of the sixteen and the others take them
 * from its register (WGSL's subgroups), so that of 24 loads 12 are left, or 3 where all are vec4.
 *
 * `terms` is the length of the sum. Two of them at a time halve the writes to the sums, and the cache lines that are
 * touched, of which widths that are powers of two leave only few.
 */
export function matmulTall(variant: MatmulVariant, vector: VectorAccess, terms: number, shared = false): string {
  const { form } = variant;
  const [blockRows, blockColumns] = TALL_BLOCK;
  const step = terms % TALL_STEP === 0 ? TALL_STEP : 1;
  const a = operand("a", shared ? TALL_TILE.rows / QUAD : TALL_TILE.rows, vector.a, form === "TN");
  const b = operand("b", TALL_TILE.columns, vector.b, form !== "NT");
  const quads = range(TALL_TILE.columns / 4);
  const acc = (i: number, q: number): string => `acc[${i * quads.length + q}]`;
  const rows = range(TALL_TILE.rows);
  const steps = range(step);
  const value = (i: number, u: number): string =>
    shared ? `quadBroadcast(${a.value(i % QUAD, u)}, ${Math.floor(i / QUAD)}u)` : a.value(i, u);
  const sums = rows.flatMap((i) => [
    ...(shared ? [] : steps.flatMap((u) => a.load(i, u))),
    ...steps.map((u) => `    let row${i}_${u} = vec4<f32>(${value(i, u)});`),
    ...quads.map((q) => {
      const sum = steps.reduce((before, u) => `fma(row${i}_${u}, ${b.four(q, u)}, ${before})`, acc(i, q));
      return `    ${acc(i, q)} = ${sum};`;
    }),
  ]);
  const stores = quads.map((q) => `    store(m + i, n + ${4 * q}u, done[i * ${quads.length}u + ${q}u], base);`);
  return wgsl`
#if ${shared}
enable subgroups;
#endif
${matmulHead(variant, vector)}
@compute @workgroup_size(${TALL_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${shared}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, TALL_INVOCATIONS)}
#if ${shared}
  // Which rows a lane loads follows from its place in the quad, as broadcasts count it.
  let place = quadBroadcast(lane, 0u) + inSubgroup % ${QUAD}u;
#else
  let place = lane;
#endif
  let m = (tile / params.tilesN) * ${blockRows}u + (place / ${SIDE.columns}u) * ${TALL_TILE.rows}u;
  let n = (tile % params.tilesN) * ${blockColumns}u + (place % ${SIDE.columns}u) * ${TALL_TILE.columns}u;
#if ${shared}
  let mA = m + place % ${QUAD}u * ${TALL_TILE.rows / QUAD}u;
#else
  if (m >= params.M || n >= params.N) { return; }
  let mA = m;
#endif
  let kBegin = group.z * params.sliceK;
  let kEnd = min(params.K, kBegin + params.sliceK);
${[...a.starts, ...b.starts].join("\n")}
  var acc: array<vec4<f32>, ${rows.length * quads.length}>;
  for (var k = kBegin; k < kEnd; k += ${step}u) {
${steps.flatMap((u) => [`    let atA${u} = (k + ${u}u) * ${a.stride};`, `    let atB${u} = (k + ${u}u) * ${b.stride};`]).join("\n")}
${steps.flatMap((u) => range(TALL_TILE.columns).flatMap((i) => b.load(i, u))).join("\n")}
#if ${shared}
${steps.flatMap((u) => range(a.count).flatMap((i) => a.load(i, u))).join("\n")}
#endif
${sums.join("\n")}
  }
  let base = group.z * params.M * params.N;
  // In a loop, since an epilogue may be long and is compiled for every place that it is called from; over a copy, since
  // an array is no longer kept in registers when its index is a variable anywhere.
  var done = array(${rows.flatMap((i) => quads.map((q) => acc(i, q))).join(", ")});
  for (var i = 0u; i < ${rows.length}u; i++) {
${stores.join("\n")}
  }
}
`;
}

/** How an operand's rows (of A) or columns (of B) are read at k + u. */
interface Operand {
  readonly count: number;
  /** Elements from one k to the next. */
  readonly stride: string;
  /** Where each begins at k = 0. */
  readonly starts: readonly string[];
  /** What must be loaded before element i can be used, besides what earlier ones have loaded. */
  load(i: number, u: number): readonly string[];
  value(i: number, u: number): string;
  /** Elements 4 q to 4 q + 3. */
  four(q: number, u: number): string;
}

function operand(name: "a" | "b", count: number, vector: boolean, sideBySide: boolean): Operand {
  const [outer, size, leading] = name === "a" ? ["mA", "params.M", "params.lda"] : ["n", "params.N", "params.ldb"];
  const [across, along] = [vector && sideBySide, vector && !sideBySide];
  const each = across ? 4 : 1;
  const start = (i: number): string => {
    const at = `min(${outer} + ${i}u, ${size} - ${each}u)`;
    return `  let ${name}Start${i} = ${name === "a" ? `indexA(${at}, 0u)` : `indexB(0u, ${at})`};`;
  };
  const position = (i: number, u: number): string => `${name}Start${i} + at${name.toUpperCase()}${u}`;
  const named = (i: number, u: number): string => `${name}${i}_${u}`;
  const value = (i: number, u: number): string => {
    if (across) return `${named(i - (i % 4), u)}.${"xyzw"[i % 4]}`;
    return along ? `${named(i, 0)}.${"xyzw"[u]}` : named(i, u);
  };
  return {
    count,
    stride: sideBySide ? leading! : "1u",
    starts: range(count / each).map((i) => start(i * each)),
    load(i, u) {
      if ((across && i % 4 !== 0) || (along && u !== 0)) return [];
      return [`    let ${named(i, u)} = ${name}[${vector ? `(${position(i, u)}) / 4u` : position(i, u)}];`];
    },
    value,
    four: (q, u) => (across ? named(4 * q, u) : `vec4<f32>(${range(4).map((j) => value(4 * q + j, u))})`),
  };
}
