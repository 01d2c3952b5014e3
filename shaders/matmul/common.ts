import { finiteTests, flatType, read, type StorageDeclaration, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { addedInTurns } from "../read-ahead.ts";
import { lane, range, wgsl } from "../wgsl.ts";

/**
 * The three products, none of which ever materialises a transpose. M, N, K are always those of the result
 * C [M, N] and the summed dimension K.
 *   NN: A [M, K], B [K, N]   forward, y = x w
 *   NT: A [M, K], B [N, K]   dx = dy wT
 *   TN: A [K, M], B [K, N]   dw = xT dy
 */
export type MatmulForm = "NN" | "NT" | "TN";

/** What happens besides the product: to a finished element before it is stored, and to B. */
export interface Epilogue {
  /** Adds bias [N]. */
  readonly bias: boolean;
  /** WGSL function `activation(x: f32, alpha: f32) -> f32`, with what it needs; null for none. */
  readonly activation: string | null;
  /** WGSL function `derivative(v: f32, alpha: f32) -> f32` by whose value at v [M, N] the element is multiplied. */
  readonly derivative: string | null;
  /** Workgroups behind the tiles write sums [N], the sums of B's columns: a bias's gradient beside its weight's. */
  readonly columnSums: boolean;
}

export const NO_EPILOGUE: Epilogue = { bias: false, activation: null, derivative: null, columnSums: false };

export interface MatmulVariant {
  readonly form: MatmulForm;
  /** C += A B instead of C = A B, for products summed in panels. */
  readonly accumulate: boolean;
  readonly epilogue: Epilogue;
}

/** Which of A, B, C are read and written as vec4: their contiguous dimension and offset are multiples of 4. */
export interface VectorAccess {
  readonly a: boolean;
  readonly b: boolean;
  readonly c: boolean;
}

/**
 * Row strides (ld*), and the offset of each window's first element behind its aligned binding. A dispatch of depth z
 * computes `slices` partial products of sliceK terms each, M N elements apart.
 */
export const matmulParams = paramBlock({
  M: "u32",
  N: "u32",
  K: "u32",
  lda: "u32",
  ldb: "u32",
  ldc: "u32",
  aOffset: "u32",
  bOffset: "u32",
  cOffset: "u32",
  biasOffset: "u32",
  tilesN: "u32",
  tiles: "u32",
  sliceK: "u32",
  slices: "u32",
  alpha: "f32",
});

/** `finish(sum, at, n)`: the value of element `at` of C, column n, from its sum. */
export function finishFunction({ accumulate, epilogue }: MatmulVariant, vectorC = false): string {
  const { bias, activation, derivative } = epilogue;
  return wgsl`
#if ${activation !== null || derivative !== null}
${finiteTests}
#endif
${activation ?? ""}
${derivative ?? ""}
fn finish(sum: f32, at: u32, n: u32) -> f32 {
  var value = sum;
#if ${accumulate && vectorC}
  value += c[at / 4u][at % 4u];
#elif ${accumulate}
  value += c[at];
#endif
#if ${bias}
  value += bias[params.biasOffset + n];
#endif
#if ${activation !== null}
  value = activation(value, params.alpha);
#endif
#if ${derivative !== null}
  value *= derivative(v[at], params.alpha);
#endif
  return value;
}
`;
}

/** Bindings A, B, [bias], [v], C, [sums]: the order in which ops/matmul lists them. */
export function matmulBindings(variant: MatmulVariant, vector?: VectorAccess): string {
  return bindingsOf(variant, [read("a", flatType(vector?.a)), read("b", flatType(vector?.b))], vector?.c);
}

/** The same with others in place of A and B. */
export function bindingsOf(
  { epilogue: { bias, derivative, columnSums } }: MatmulVariant,
  operands: readonly StorageDeclaration[],
  vectorC: boolean | undefined,
): string {
  return storage(
    ...operands,
    ...(bias ? [read("bias")] : []),
    ...(derivative === null ? [] : [read("v")]),
    write("c", flatType(vectorC)),
    ...(columnSums ? [write("sums")] : []),
  );
}

/** Flat positions of A(m, k) and B(k, n) in memory. */
export function operandIndex(form: MatmulForm): string {
  return wgsl`
fn indexA(m: u32, k: u32) -> u32 {
#if ${form === "TN"}
  return params.aOffset + k * params.lda + m;
#else
  return params.aOffset + m * params.lda + k;
#endif
}
fn indexB(k: u32, n: u32) -> u32 {
#if ${form === "NT"}
  return params.bOffset + n * params.ldb + k;
#else
  return params.bOffset + k * params.ldb + n;
#endif
}
`;
}

const finished = range(4).map((i) => `finish(value.${lane(i)}, at + ${i}u, n + ${i}u)`);
/** Four neighbours from element `at` on, in column n, from `value`, their sums. */
export const finishFour = `vec4<f32>(${finished.join(", ")})`;

/** `store(m, n, value, base)`: four elements of row m from column n on, those that exist. */
export function storeFunction(vectorC: boolean): string {
  const one = (d: number) => `  if (n + ${d}u < params.N) { c[at + ${d}u] = ${finished[d]}; }`;
  return wgsl`
fn store(m: u32, n: u32, value: vec4<f32>, base: u32) {
  if (m >= params.M) { return; }
  let at = base + params.cOffset + m * params.ldc + n;
#if ${vectorC}
  if (n >= params.N) { return; }
  c[at / 4u] = ${finishFour};
#else
${range(4).map(one).join("\n")}
#endif
}
`;
}

/**
 * What every kernel of a product begins with. With `vector` elements of C are stored four at a time, by `store`; without
 * it nothing is read or written as vec4, and each is stored by what `finish` makes of it.
 */
export function matmulHead(variant: MatmulVariant, vector?: VectorAccess): string {
  return wgsl`
${matmulParams.wgsl}
${matmulBindings(variant, vector)}
${operandIndex(variant.form)}
${finishFunction(variant, vector?.c)}
${vector ? storeFunction(vector.c) : ""}
${columnSumFunction(variant, vector?.b ?? false)}
`;
}

/** Columns that one invocation of the column sums adds up. */
export const columnsEach = (vectorB: boolean): number => (vectorB ? 4 : 1);

/** `columnSum(i)`: the sums of B's i-th column, or of its i-th four. */
export function columnSumFunction({ epilogue }: MatmulVariant, vectorB: boolean): string {
  if (!epilogue.columnSums) return "";
  const type = vectorB ? "vec4<f32>" : "f32";
  const rows = addedInTurns(
    { begin: "0u", end: "params.K", step: 1, type },
    (k, t) => `let b${t} = b[indexB(${k}, n)${vectorB ? " / 4u" : ""}];`,
    (t) => `b${t}`,
  );
  return wgsl`
fn columnSum(i: u32) {
  let n = i * ${columnsEach(vectorB)}u;
  if (n >= params.N) { return; }
  var sum = ${type}();
${rows}
#if ${vectorB}
  sums[n] = sum.x; sums[n + 1u] = sum.y; sums[n + 2u] = sum.z; sums[n + 3u] = sum.w;
#else
  sums[n] = sum;
#endif
}
`;
}

/**
 * Beginning of main: `tile`, the workgroup's number in a grid folded to two dimensions. Workgroups behind the last tile
 * have the column sums to do, or nothing.
 */
export function tileOf({ epilogue }: MatmulVariant, invocations: number): string {
  return wgsl`
  let tile = group.y * groups.x + group.x;
#if ${epilogue.columnSums}
  if (tile >= params.tiles) {
    if (group.z == 0u) { columnSum((tile - params.tiles) * ${invocations}u + lane); }
    return;
  }
#else
  if (tile >= params.tiles) { return; }
#endif
`;
}

/** Rows of tiles that workgroups go down before they go to the right. */
const BAND = 16;

/**
 * Where a workgroup's tile of C begins: `m0`, `n0`. Workgroups that are at work together are neighbours by number, and what
 * they read is what their tiles have of rows of A and columns of B: least where those lie in a square, not in a row.
 */
export function tileCorner([rows, columns]: readonly [number, number]): string {
  return wgsl`
  let band = tile / (${BAND}u * params.tilesN) * ${BAND}u;
  let high = min(params.tiles / params.tilesN - band, ${BAND}u);
  let inBand = tile - band * params.tilesN;
  let m0 = (band + inBand % high) * ${rows}u;
  let n0 = inBand / high * ${columns}u;
`;
}

/**
 * Terms of this workgroup, and where its result begins. Where the sum is whole they do not depend on the workgroup's
 * number, so that drivers keep them once for a subgroup.
 */
export function termsOf(sliced: boolean): string {
  return wgsl`
#if ${sliced}
  let kBegin = group.z * params.sliceK;
  let kEnd = min(params.K, kBegin + params.sliceK);
  let base = group.z * params.M * params.N;
#else
  const kBegin = 0u;
  let kEnd = params.K;
  const base = 0u;
#endif
`;
}
