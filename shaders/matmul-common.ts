import { finiteTests } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/**
 * The three products, none of which ever materialises a transpose. M, N, K are always those of the result
 * C [M, N] and the summed dimension K.
 *   NN: A [M, K], B [K, N]   forward, y = x w
 *   NT: A [M, K], B [N, K]   dx = dy wT
 *   TN: A [K, M], B [K, N]   dw = xT dy
 */
export type MatmulForm = "NN" | "NT" | "TN";

/** What happens to a finished element before it is stored. */
export interface Epilogue {
  /** Adds bias [N]. */
  readonly bias: boolean;
  /** WGSL function `activation(x: f32) -> f32`, with what it needs; null for none. Reads params.alpha. */
  readonly activation: string | null;
}

export interface MatmulVariant {
  readonly form: MatmulForm;
  /** C += A B instead of C = A B, for products summed in panels. */
  readonly accumulate: boolean;
  readonly epilogue: Epilogue | null;
}

/** Row strides (ld*), and the offset of each window's first element behind its aligned binding. */
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
  alpha: "f32",
});

/** `finish(value, previous, n)`: the stored value of an element from its sum. */
export function finishFunction({ accumulate, epilogue }: MatmulVariant): string {
  const bias = epilogue?.bias ?? false;
  const activation = epilogue?.activation ?? null;
  return wgsl`
#if ${activation !== null}
${finiteTests}
${activation ?? ""}
#endif
fn finish(sum: f32, previous: f32, n: u32) -> f32 {
  var value = sum;
#if ${accumulate}
  value += previous;
#endif
#if ${bias}
  value += bias[params.biasOffset + n];
#endif
#if ${activation !== null}
  value = activation(value);
#endif
  return value;
}
`;
}

/** Bindings A, B, [bias], C; `vector` picks vec4 access for each of A, B, C. */
export function matmulBindings(
  variant: MatmulVariant,
  vector: { a: boolean; b: boolean; c: boolean } = { a: false, b: false, c: false },
): string {
  const type = (v: boolean) => (v ? "vec4<f32>" : "f32");
  const bias = variant.epilogue?.bias ?? false;
  return wgsl`
@group(0) @binding(1) var<storage, read> a: array<${type(vector.a)}>;
@group(0) @binding(2) var<storage, read> b: array<${type(vector.b)}>;
#if ${bias}
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
@group(0) @binding(${bias ? 4 : 3}) var<storage, read_write> c: array<${type(vector.c)}>;
`;
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
