import { paramBlock } from "../params.ts";
import { fromQuad } from "../quads.ts";
import { wgsl } from "../wgsl.ts";

/**
 * What the two loops over time have in common. A workgroup has four, or four times VECTORS, rows of the batch to itself and
 * goes through all steps, with a barrier after each: rows know nothing of each other. State, which all invocations read, is
 * twice there, the step before's and this one's, four rows to a vec4. Each step begins with a product of state and weights.
 */
export interface LoopForm {
  /** Invocations of a workgroup. */
  readonly width: number;
  /** vec4s of rows. */
  readonly vectors: 1 | 4;
  /** True where the four invocations of a quad load a vec4 of the state each and hand them to each other (subgroups). */
  readonly shared: boolean;
  /** Items that an invocation computes at a time: of two, state is loaded once. */
  readonly each: 1 | 2;
  /** Places for state in workgroup memory, both halves; 0: it lies in the device's memory. */
  readonly local: number;
  /**
   * For few registers, of one vec4 of rows and one item: less terms are added at a time, and what is done behind the sums is
   * done for one row after the other.
   */
  readonly few: boolean;
}

/** Multiple of which terms of a sum there are, and how many are added at a time: writing to a sum costs more than a term on adapters on a CPU. */
export const TERMS = 4;
export const termsOf = ({ few }: Pick<LoopForm, "few">): number => (few ? 2 : TERMS);

export const loopParams = paramBlock({
  rows: "u32",
  steps: "u32",
  h: "u32",
  begin: "u32",
  end: "u32",
  reverse: "u32",
  terms: "u32",
  items: "u32",
  groups: "u32",
});

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const lane = (i: number): string => "xyzw"[i]!;

/** Where state lies, and its places: of `K` terms, `place` from 0. */
export function stateDeclaration({ local }: LoopForm, index: number): string {
  return local > 0
    ? `var<workgroup> state: array<vec4<f32>, ${local}>;`
    : `@group(0) @binding(${index}) var<storage, read_write> state: array<vec4<f32>>;`;
}

/** Statements at the start: `first` row, where the group's state begins, and both halves filled, the older by `old`. */
export function loopStart({ width, vectors, local }: LoopForm, old: string): string {
  return wgsl`
  let first = group * ${4 * vectors}u;
  let half = params.terms * ${vectors}u;
#if ${local > 0}
  let mine = 0u;
#else
  let mine = group * 2u * half;
#endif
  for (var i = lane; i < half; i += ${width}u) {
    let term = i / ${vectors}u;
    var was = vec4<f32>();
    for (var r = 0u; r < 4u; r++) {
      let row = first + i % ${vectors}u * 4u + r;
${old}
    }
    state[mine + i] = was;
    state[mine + half + i] = vec4<f32>();
  }
  ${barrier(local)}
  var now = mine;
  var next = mine + half;
`;
}

export const barrier = (local: number): string => (local > 0 ? "workgroupBarrier();" : "storageBarrier();");

const rowLanes = [0, 1, 2, 3] as const;

/** The loop over an item's vec4s of rows, `v`; over the rows that there are, where they are taken one by one. */
export const eachRows = ({ vectors, few }: LoopForm): string =>
  `    for (var v = 0u; v < ${few ? "min(4u, params.rows - first)" : `${vectors}u`}; v++) {`;

/** Where a unit's state lies in one half, and which of its four rows is meant where they are taken one by one. */
export const slotOf = ({ vectors, few }: LoopForm, unit: string): string => (few ? unit : `${unit} * ${vectors}u + v`);
export const rowOf = ({ few }: LoopForm): string => (few ? "[v]" : "");

/**
 * Four rows of a group, behind its own sums: `row` is the first, `at` where each one's step lies among all, and `counts`
 * whether that step does. Behind the last row that is read again, and not stored. Or one row.
 */
export const fourRows = ({ few }: LoopForm, lengths: boolean): string => wgsl`
#if ${few}
      let rows = first + v;
      let at = rows * params.steps + t;
#else
      let row = first + v * 4u;
      let rows = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
      let at = rows * params.steps + vec4<u32>(t);
#endif
#if ${lengths}
      let lasts = ${gathered({ few }, "lengths", (row) => row, "rows", "i32")};
      let counts = vec4<i32>(i32(t)) < lasts;
#else
      let counts = vec4<bool>(true);
#endif
`;

/** A value of each of the four rows, or of the one, at the place that `index` gives. */
export const gathered = (
  { few }: Pick<LoopForm, "few">,
  array: string,
  index: (at: string) => string,
  at = "at",
  type = "f32",
): string =>
  few
    ? `${array}[${index(at)}]`
    : `vec4<${type}>(${rowLanes.map((r) => `${array}[${index(`${at}.${lane(r)}`)}]`).join(", ")})`;

/** Stores, for each of the four rows that there is, or for the one, what `store` writes of lane ".x" and so on at \`at.x\`. */
export const scattered = ({ few }: LoopForm, store: (at: string, lane: string) => readonly string[]): string =>
  few
    ? `      ${store("at", "").join(" ")}`
    : rowLanes
        .map((r) => `      if (row + ${r}u < params.rows) { ${store(`at.${lane(r)}`, `.${lane(r)}`).join(" ")} }`)
        .join("\n");

/** At the end of a step. */
export const loopTurn = (local: number): string => `  ${barrier(local)}
    let turned = now; now = next; next = turned;`;

/** The `l`-th sum of an item, of vec4 `v` of rows: those of a quad begin with its own. */
export const sumAt = ({ shared, vectors, few }: LoopForm, l: string): string =>
  few ? `sums[${l}][v]` : `sums[own + ${l} * ${vectors}u + ${shared ? "(v ^ place)" : "v"}]`;

/**
 * From here on once for each of the items that an invocation has at a time, `item`: `sums` from `own` on holds for each of
 * `lanes` sums a vec4 of rows, or four. All invocations multiply, since quads share; behind the last item that is done again.
 */
export function product({ width, vectors, shared, each, few }: LoopForm, lanes: number): string {
  const v = range(vectors);
  const u = range(lanes);
  const e = range(each);
  const terms = range(termsOf({ few }));
  const load = (k: number): string[] =>
    shared
      ? [`      let part${k} = state[now + (k + ${k}u) * 4u + place];`]
      : v.map((i) => `      let row${i}_${k} = state[now + (k + ${k}u) * ${vectors}u + ${i}u];`);
  const rows = (i: number): string[] =>
    shared ? terms.map((k) => `      let row${i}_${k} = ${fromQuad[i]!(`part${k}`)};`) : [];
  const sum = (m: number, l: number, i: number): string =>
    terms.reduce((before, k) => `fma(vec4<f32>(w${m}_${k}.${lane(l)}), row${i}_${k}, ${before})`, `a${m}_${l}_${i}`);
  const all = e.flatMap((m) => u.flatMap((l) => v.map((i) => `a${m}_${l}_${i}`)));
  return [
    `    for (var base = 0u; base < params.items; base += ${width * each}u) {`,
    ...e.map((m) => `    let item${m} = min(base + ${m * width}u + lane, params.items - 1u);`),
    ...all.map((a) => `    var ${a} = vec4<f32>();`),
    `    for (var k = 0u; k < params.terms; k += ${terms.length}u) {`,
    ...e.flatMap((m) => terms.map((k) => `      let w${m}_${k} = weights[(k + ${k}u) * params.items + item${m}];`)),
    ...terms.flatMap(load),
    ...v.flatMap((i) => [...rows(i), ...e.flatMap((m) => u.map((l) => `      a${m}_${l}_${i} = ${sum(m, l, i)};`))]),
    "    }",
    // A copy: an array whose index is a variable anywhere is not kept in registers.
    `    var sums = array<vec4<f32>, ${all.length}>(${all.join(", ")});`,
    `    for (var m = 0u; m < ${each}u; m++) {`,
    `    let item = base + m * ${width}u + lane;`,
    `    let own = m * ${lanes * vectors}u;`,
    "    if (item < params.items) {",
  ].join("\n");
}

/** Behind what is done for each item. */
export const productEnd = "    }\n    }\n    }";

/** The entry point around it. */
export function loopMain({ width, shared }: LoopForm, body: string): string {
  return wgsl`
@compute @workgroup_size(${width})
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>,
#if ${shared}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) local: u32) {
  let group = id.y * count.x + id.x;
  if (group >= params.groups) { return; }
#if ${shared}
  // Which rows an invocation loads follows from its place in the quad, as broadcasts count it.
  let place = inSubgroup % 4u;
  let lane = quadBroadcast(local, 0u) + place;
#else
  let lane = local;
#endif
${body}
}
`;
}
