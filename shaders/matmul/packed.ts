import { fromQuad, QUAD } from "../quads.ts";
import { lane, range, wgsl } from "../wgsl.ts";
import { type MatmulForm, type MatmulVariant, matmulHead, termsOf, tileOf, type VectorAccess } from "./common.ts";

/** Columns of C that an invocation computes: of more sums at a time some would lie in memory. */
const COLUMNS = 8;
/** Rows and columns of C that a workgroup computes: packing B costs what ten of these rows cost. */
export const PACKED_BLOCK = [128, COLUMNS * QUAD] as const;
export const PACKED_INVOCATIONS = QUAD;
/**
 * Terms of a sum that are packed at a time. With twice as many, large products take a tenth less and a cold page half longer;
 * of long sums, whose elements of C are read and written once a turn, they take a quarter less.
 */
const MOST_TERMS = 32;
const LONG_SUM = 1024;
/** Terms of a row of A that a quad loads at a time, four an invocation. */
const STRETCH = 4 * QUAD;

const vec4 = (values: readonly string[]): string => `vec4<f32>(${values.join(", ")})`;

/** Terms of a turn, for a sum of so many: the same in each, and as few behind the last as that allows. */
function depthOf(terms: number): number {
  const turns = Math.ceil(terms / (terms < LONG_SUM ? MOST_TERMS : 2 * MOST_TERMS));
  return Math.ceil(terms / turns / STRETCH) * STRETCH;
}

/** Terms that an invocation can add: there are drivers that end its loops after 65,535 turns, all of them together. */
export const PACKED_TERMS = Math.floor(65535 / (MOST_TERMS + PACKED_BLOCK[0]) - 4) * MOST_TERMS;

/**
 * For adapters on a CPU, where a load from a buffer takes twenty times what a multiply-add does, and one of an
 * invocation's own variables nothing. A part of B, `depth` terms of 8 columns, goes into such a variable; then the rows of
 * A pass, and each adds its terms to its 8 elements of C, whose sums lie there meanwhile. All that is multiplied is
 * written out, since only what is read at a fixed place is free. The variable stands outside main: there its zeros, which a
 * compiler writes one by one, take half as long to compile.
 *
 * The four invocations of a quad have the same rows and 8 columns each. An invocation loads four terms of a stretch of
 * 16, and the other twelve are its neighbours', from whom it takes them by quad swaps (WGSL's subgroups): a swap is one
 * instruction where a broadcast is twenty. So each adds the terms of a stretch in an order of its own, and its part of B is
 * packed in that order.
 *
 * Without `shared` each loads all of them. `terms` is the length of the sum, of which workgroups along z have a part each
 * where it is `sliced`. What is read behind its end counts as 0.
 */
export function matmulPacked(
  variant: MatmulVariant,
  access: VectorAccess,
  terms: number,
  shared: boolean,
  sliced: boolean,
): string {
  const { form, accumulate, epilogue } = variant;
  const depth = depthOf(terms);
  const rest = sliced || terms % depth !== 0;
  const several = terms > depth;
  const plain = !epilogue.bias && epilogue.activation === null && epilogue.derivative === null;
  // Where the rows of A lie along m, a vec4 of it would be four rows of C.
  const vector = { ...access, a: access.a && form !== "TN" };
  const stretches = range(depth / STRETCH);
  const quads = range(COLUMNS / 4);
  const columns = range(COLUMNS);
  const own = (g: number, s: number) => `      let a${g}_${s} = ${ofRow(form, vector.a, rest, g * QUAD + s)};`;
  const loads = stretches.flatMap((g) => range(shared ? 1 : QUAD).map((s) => own(g, s)));
  const swaps = stretches.flatMap((g) =>
    range(shared ? QUAD - 1 : 0).map((s) => `      let a${g}_${s + 1} = ${fromQuad[s + 1]!(`a${g}_0`)};`),
  );
  // Behind the swaps, though they do not need them: SwiftShader's compiler keeps moving what is read often within a block,
  // and a load begins another. So where no sums are needed, one is loaded for that alone.
  const before = quads.map((q) => {
    if (accumulate || several || q === 0) {
      const found = loadC(vector.c, q);
      return `      let sums${q} = ${accumulate ? found : `select(${found}, vec4<f32>(), begins)`};`;
    }
    return `      let sums${q} = vec4<f32>();`;
  });
  const sums = range(depth).flatMap((k) =>
    columns.map((i) => {
      const sum = k === 0 ? `sums${Math.floor(i / 4)}.${lane(i % 4)}` : `sum${i}_${k - 1}`;
      const [g, s, u] = [Math.floor(k / STRETCH), Math.floor(k / 4) % QUAD, k % 4];
      return `      let sum${i}_${k} = ${sum} + a${g}_${s}.${lane(u)} * packed[${k * COLUMNS + i}];`;
    }),
  );
  const done = quads.map((q) => vec4(range(4).map((j) => `sum${4 * q + j}_${depth - 1}`)));
  // An epilogue that is applied to sums in memory, since turns of a loop before the last are no different from it.
  const apart = several && !plain;
  const keeps = vector.c
    ? quads.map((q) => `      if (inside${q}) { c[at + ${q}u] = ${done[q]}; }`)
    : columns.map((i) => `      if (n + ${i}u < params.N) { c[at + ${i}u] = sum${i}_${depth - 1}; }`);
  return wgsl`
#if ${shared}
enable subgroups;
#endif
${matmulHead({ ...variant, accumulate: false }, vector)}
var<private> packed: array<f32, ${depth * COLUMNS}>;
@compute @workgroup_size(${PACKED_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${shared}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
${tileOf(variant, PACKED_INVOCATIONS)}
#if ${shared}
  let column = inSubgroup % ${QUAD}u;
  let place = column;
#else
  let column = lane;
  const place = 0u;
#endif
${termsOf(sliced)}
  let first = (tile / params.tilesN) * ${PACKED_BLOCK[0]}u;
  let end = min(params.M, first + ${PACKED_BLOCK[0]}u);
  let n = (tile % params.tilesN) * ${PACKED_BLOCK[1]}u + column * ${COLUMNS}u;
${quads.map((q) => `  let inside${q} = n + ${4 * q}u < params.N;`).join("\n")}
  for (var k0 = kBegin; k0 < kEnd; k0 += ${depth}u) {
    let begins = k0 == kBegin;
${packing(variant, vector, depth, rest)}
    for (var m = first; m < end; m++) {
      let atA = indexA(m, k0 + place * 4u)${vector.a ? " / 4u" : ""};
${[...loads, ...swaps].join("\n")}
      let at = (base + params.cOffset + m * params.ldc + n)${vector.c ? " / 4u" : ""};
${[...before, ...sums].join("\n")}
#if ${several || plain}
${keeps.join("\n")}
#else
      var done = array(${done.join(", ")});
      for (var q = 0u; q < ${quads.length}u; q++) { store(m, n + 4u * q, done[q], base); }
#endif
    }
  }
#if ${apart}
  for (var m = first; m < end; m++) {
    for (var q = 0u; q < ${quads.length}u; q++) {
      let at = (base + params.cOffset + m * params.ldc + n)${vector.c ? " / 4u + q" : " + 4u * q"};
      store(m, n + 4u * q, ${loadC(vector.c, 0)}, base);
    }
  }
#endif
}
`;
}

/** Four elements of row m of C from column n + 4 q on, as they lie. */
const loadC = (vector: boolean, q: number): string =>
  vector ? `c[at + ${q}u]` : vec4(range(4).map((j) => `c[at + ${4 * q + j}u]`));

/** Four terms of a row of A, 4 g behind the first that an invocation loads. */
function ofRow(form: MatmulForm, vector: boolean, rest: boolean, g: number): string {
  const along = form === "TN" ? " * params.lda" : "";
  const found = vector ? `a[atA + ${g}u]` : vec4(range(4).map((u) => `a[atA + ${4 * g + u}u${along}]`));
  if (!rest) return found;
  const k = `vec4<u32>(k0 + place * 4u) + vec4<u32>(${range(4)
    .map((u) => `${4 * g + u}u`)
    .join(", ")})`;
  return `select(vec4<f32>(), ${found}, ${k} < vec4<u32>(kEnd))`;
}

/** Puts the terms from k0 on of an invocation's columns into \`packed\`, in the order in which it will add them. */
function packing({ form }: MatmulVariant, vector: VectorAccess, depth: number, rest: boolean): string {
  const columns = range(COLUMNS);
  const kept = (value: string, k: string): string => (rest ? `select(0.0, ${value}, ${k} < kEnd)` : value);
  const column = (i: number, last: number): string => `min(n + ${i}u, params.N - ${last}u)`;
  const put = (slot: string, i: number, value: string, k: string): string =>
    `      packed[${slot} * ${COLUMNS}u + ${i}u] = ${kept(value, k)};`;
  if (form === "NT" && vector.b) {
    return wgsl`
    for (var four = 0u; four < ${depth / 4}u; four++) {
      let k = k0 + (four ^ place) * 4u;
${columns
  .flatMap((i) => [
    `      let b${i} = b[indexB(k, ${column(i, 1)}) / 4u];`,
    ...range(4).map((u) => put(`(four * 4u + ${u}u)`, i, `b${i}.${lane(u)}`, `k + ${u}u`)),
  ])
  .join("\n")}
    }`;
  }
  const four = (q: number): readonly string[] => [
    `      let b${q} = b[indexB(k, ${column(4 * q, 4)}) / 4u];`,
    ...range(4).map((j) => put("term", 4 * q + j, `b${q}.${lane(j)}`, "k")),
  ];
  const each = columns.map((i) => put("term", i, `b[indexB(k, ${column(i, 1)})]`, "k"));
  return wgsl`
    for (var term = 0u; term < ${depth}u; term++) {
      let k = k0 + (term ^ (place * 4u));
${(vector.b ? range(COLUMNS / 4).flatMap(four) : each).join("\n")}
    }`;
}
