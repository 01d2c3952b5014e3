import { fromQuad, QUAD } from "../quads.ts";
import { wgsl } from "../wgsl.ts";
import { type MatmulVariant, matmulHead, type VectorAccess } from "./common.ts";

/** Invocations of a workgroup, and columns of C that it computes. */
export const ALONE_LANES = 16;
const EACH = 4;
export const ALONE_COLUMNS = ALONE_LANES * EACH;
/** Terms of the sum that are added at a time, where it has whole fours of them. */
const STEP = 4;
/** And where a quad shares the row: four that each invocation loads. */
const STRETCH = 4 * QUAD;

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const lane = (i: number): string => "xyzw"[i]!;

/**
 * One row of C, four columns an invocation, each sum from its first to its last term: nothing waits at a barrier, which
 * is what adapters on a CPU take longest for. `terms` is the length of the sum. With `shared` (WGSL's subgroups), where fours
 * lie side by side and the sum has whole stretches, a quad shares the row, each in an order of its own, as in packed.ts.
 */
export function matmulRowAlone(variant: MatmulVariant, terms: number, vector: VectorAccess, shared: boolean): string {
  const quads = shared && variant.form !== "TN" && vector.a && vector.b && terms % STRETCH === 0;
  const stores = range(EACH).map(
    (i) => `  if (n + ${i}u < params.N) { c[at + ${i}u] = finish(sum${i}, at + ${i}u, n + ${i}u); }`,
  );
  return wgsl`
#if ${quads}
enable subgroups;
#endif
${matmulHead(variant, { a: quads, b: quads, c: false })}
@compute @workgroup_size(${ALONE_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${quads}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) { return; }
  let m = tile / params.tilesN;
  let n = (tile % params.tilesN) * ${ALONE_COLUMNS}u + lane * ${EACH}u;
${range(EACH)
  .flatMap((i) => [`  let n${i} = min(n + ${i}u, params.N - 1u);`, `  var sum${i} = 0.0;`])
  .join("\n")}
${quads ? sharedSums(variant) : ownSums(terms)}
  let at = params.cOffset + m * params.ldc + n;
${stores.join("\n")}
}
`;
}

function ownSums(terms: number): string {
  const step = terms % STEP === 0 ? STEP : 1;
  const loads = range(step).flatMap((u) => [
    `    let x${u} = a[indexA(m, k + ${u}u)];`,
    ...range(EACH).map((i) => `    let y${i}_${u} = b[indexB(k + ${u}u, n${i})];`),
  ]);
  const sums = range(EACH).map((i) => {
    const sum = range(step).reduce((before, u) => `fma(x${u}, y${i}_${u}, ${before})`, `sum${i}`);
    return `    sum${i} = ${sum};`;
  });
  return wgsl`
  if (n >= params.N) { return; }
  for (var k = 0u; k < params.K; k += ${step}u) {
${[...loads, ...sums].join("\n")}
  }`;
}

/** Behind the last column the last are added again, and not stored: all of a quad share. */
function sharedSums({ form }: MatmulVariant): string {
  const fours = range(QUAD);
  const alongK = form === "NT";
  const loads = fours.flatMap((q) =>
    range(4).map((j) => {
      const at = alongK ? `indexB(k${q}, n${j}) / 4u` : `at${q} + ${j}u * along`;
      return `    let y${q}_${j} = b[${at}];`;
    }),
  );
  const sums = range(EACH).map((i) => {
    const term = (q: number, u: number): string => (alongK ? `y${q}_${i}.${lane(u)}` : `y${q}_${u}.${lane(i)}`);
    const all = fours.flatMap((q) => range(4).map((u) => `x${q}.${lane(u)} * ${term(q, u)}`));
    return `    sum${i} = ${all.reduce((before, product) => `${product} + ${before}`, `sum${i}`)};`;
  });
  return wgsl`
  let place = inSubgroup % ${QUAD}u;
#if ${!alongK}
  let column = min(n, params.N - 4u);
  let along = params.ldb / 4u;
#endif
  for (var k = 0u; k < params.K; k += ${STRETCH}u) {
${fours.map((q) => `    let k${q} = k + (${q}u ^ place) * 4u;`).join("\n")}
    let x0 = a[indexA(m, k0) / 4u];
${range(QUAD - 1)
  .map((q) => `    let x${q + 1} = ${fromQuad[q + 1]!("x0")};`)
  .join("\n")}
${alongK ? "" : fours.map((q) => `    let at${q} = indexB(k${q}, column) / 4u;`).join("\n")}
${[...loads, ...sums].join("\n")}
  }`;
}
