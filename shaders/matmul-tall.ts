import {
  columnSumFunction,
  finishFunction,
  type MatmulVariant,
  matmulBindings,
  matmulParams,
  operandIndex,
  storeFunction,
  tileOf,
  type VectorAccess,
} from "./matmul-common.ts";
import { wgsl } from "./wgsl.ts";

/** Elements of C that an invocation computes: 128 sums for 24 loads. More of either is too much code for a cache. */
const TALL_TILE = { rows: 16, columns: 8 } as const;
/** Invocations of a workgroup in each direction; where quads share, the four of a quad lie side by side. */
const SIDE = { rows: 4, columns: 8 } as const;
const QUAD = 4;
export const TALL_BLOCK = [TALL_TILE.rows * SIDE.rows, TALL_TILE.columns * SIDE.columns] as const;
export const TALL_INVOCATIONS = SIDE.rows * SIDE.columns;

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/**
 * A tall tile of C an invocation, straight from memory, one k at a time: for adapters on which a load costs far more
 * than a multiply-add and every register lies in a cache anyway. Behind the edge the last row or column is read again
 * and not stored. An operand is read as vec4 only where its rows or columns of C lie side by side.
 *
 * `shared`: the four invocations of a quad have the same rows. Each loads four of the sixteen and the others take them
 * from its register (WGSL's subgroups), so that of 24 loads 12 are left, or 3 where all are vec4.
 */
export function matmulTall(variant: MatmulVariant, vector: VectorAccess, shared = false): string {
  const { form } = variant;
  const a = operand("a", shared ? TALL_TILE.rows / QUAD : TALL_TILE.rows, vector.a, form === "TN");
  const b = operand("b", TALL_TILE.columns, vector.b, form !== "NT");
  const quads = range(TALL_TILE.columns / 4);
  const acc = (i: number, q: number): string => `acc[${i * quads.length + q}]`;
  const rows = range(TALL_TILE.rows);
  const value = (i: number): string =>
    shared ? `quadBroadcast(${a.value(i % QUAD)}, ${Math.floor(i / QUAD)}u)` : a.value(i);
  const sums = rows.flatMap((i) => [
    ...(shared ? [] : a.load(i)),
    `    let row${i} = vec4<f32>(${value(i)});`,
    ...quads.map((q) => `    ${acc(i, q)} = fma(row${i}, ${b.four(q)}, ${acc(i, q)});`),
  ]);
  const stores = rows.flatMap((i) => quads.map((q) => `  store(m + ${i}u, n + ${4 * q}u, ${acc(i, q)}, base);`));
  return wgsl`
#if ${shared}
enable subgroups;
#endif
${matmulParams.wgsl}
${matmulBindings(variant, vector)}
${operandIndex(form)}
${finishFunction(variant, vector.c)}
${storeFunction(vector.c)}
${columnSumFunction(variant, vector.b)}
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
  let m = (tile / params.tilesN) * ${TALL_BLOCK[0]}u + (place / ${SIDE.columns}u) * ${TALL_TILE.rows}u;
  let n = (tile % params.tilesN) * ${TALL_BLOCK[1]}u + (place % ${SIDE.columns}u) * ${TALL_TILE.columns}u;
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
  for (var k = kBegin; k < kEnd; k++) {
    let atA = k * ${a.stride};
    let atB = k * ${b.stride};
${range(TALL_TILE.columns).flatMap(b.load).join("\n")}
#if ${shared}
${range(a.count).flatMap(a.load).join("\n")}
#endif
${sums.join("\n")}
  }
  let base = group.z * params.M * params.N;
${stores.join("\n")}
}
`;
}

/** How an operand's rows (of A) or columns (of B) are read at one k. */
interface Operand {
  readonly count: number;
  /** Elements from one k to the next. */
  readonly stride: string;
  /** Where each begins at k = 0. */
  readonly starts: readonly string[];
  /** What must be loaded before element i can be used, besides what earlier ones have loaded. */
  load(i: number): readonly string[];
  value(i: number): string;
  /** Elements 4 q to 4 q + 3. */
  four(q: number): string;
}

function operand(name: "a" | "b", count: number, vector: boolean, sideBySide: boolean): Operand {
  const [outer, size, leading] = name === "a" ? ["mA", "params.M", "params.lda"] : ["n", "params.N", "params.ldb"];
  const each = vector ? 4 : 1;
  const start = (i: number): string => {
    const at = `min(${outer} + ${i}u, ${size} - ${each}u)`;
    return `  let ${name}Start${i} = ${name === "a" ? `indexA(${at}, 0u)` : `indexB(0u, ${at})`};`;
  };
  const position = (i: number): string => `${name}Start${i} + at${name.toUpperCase()}`;
  return {
    count,
    stride: sideBySide ? leading! : "1u",
    starts: range(count / each).map((i) => start(i * each)),
    load(i) {
      if (i % each !== 0) return [];
      return [`    let ${name}${i} = ${name}[${vector ? `(${position(i)}) / 4u` : position(i)}];`];
    },
    value: (i) => (vector ? `${name}${i - (i % 4)}.${"xyzw"[i % 4]}` : `${name}${i}`),
    four: (q) => (vector ? `${name}${4 * q}` : `vec4<f32>(${range(4).map((j) => `${name}${4 * q + j}`)})`),
  };
}
