import { range, wgsl } from "../wgsl.ts";
import { attentionHead } from "./common.ts";

/**
 * Attention in tiles, for adapters on a CPU: an invocation keeps some queries, or keys, and their sums in registers, and goes
 * through the others four at a time. There are four invocations, each loads one of four steps and the others take it from its
 * register (WGSL's subgroups). Scores are nowhere in memory. `attentionBlock` is the same for GPUs.
 */
export interface AttentionTile {
  /** Width of a head, a multiple of 4: everything along it is written out. */
  readonly d: number;
  /** Queries, or keys, that an invocation keeps. */
  readonly rows: 1 | 2;
}

/** Steps that are gone through at a time. */
export const STEP = 4;
const component = (u: number): string => "xyzw"[u]!;

/** Queries, or keys, of a workgroup. */
export const tileRows = ({ rows }: AttentionTile): number => STEP * rows;

/** An array of which all invocations go through some steps: where in it step 0 begins, and elements from one to the next. */
export interface Stream {
  readonly name: string;
  readonly from: string;
  readonly stride: string;
  /** One number a step instead of a row of d. */
  readonly single?: true;
}

/** Text that brings four steps from `j` on, and what it calls them. */
export interface Streams {
  /** The loop over steps from `first` to before `last`, uniform in a workgroup, around a body in which `j` is a step. */
  loop(first: string, last: string, body: string): string;
  /** Four numbers of step j + u, from 4 c on; or the step's one number. */
  readonly at: (name: string, u: number, c?: number) => string;
}

export function streams({ d }: AttentionTile, list: readonly Stream[]): Streams {
  const quads = range(d / 4);
  const rows = list.filter((s) => !s.single);
  const singles = list.filter((s) => s.single);
  const arrayOf = ({ name }: Stream): string => name.split("_")[0]!;
  const loads = [
    "    let at = min(j + place, params.t - 1u);",
    ...rows.flatMap((s) => [
      `    let from_${s.name} = (${s.from} + at * ${s.stride}) / 4u;`,
      ...quads.map((c) => `    let own_${s.name}_${c} = ${arrayOf(s)}[from_${s.name} + ${c}u];`),
    ]),
    ...singles.map((s) => `    let own_${s.name} = ${arrayOf(s)}[${s.from} + at * ${s.stride}];`),
  ];
  const shared = list.flatMap((s) =>
    range(STEP).flatMap((u) =>
      (s.single ? [""] : quads.map((c) => `_${c}`)).map(
        (c) => `    let ${s.name}_${u}${c} = quadBroadcast(own_${s.name}${c}, ${u}u);`,
      ),
    ),
  );
  return {
    loop: (first, end, body) => `  for (var j = ${first}; j < ${end}; j += ${STEP}u) {
${[...loads, ...shared].join("\n")}
${body}
  }`,
    at: (name, u, c) => (c === undefined ? `${name}_${u}` : `${name}_${u}_${c}`),
  };
}

/** Entry point of a workgroup for `tileRows` steps from `first` on, of head `h` of `heads` heads of row `b`. */
export function tileMain(tile: AttentionTile, heads: string, body: string): string {
  return wgsl`
@compute @workgroup_size(${STEP})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) inSubgroup: u32) {
  let number = group.y * groups.x + group.x;
  if (number >= params.size) { return; }
  // Which steps a lane has follows from its place in the quad, as broadcasts count it.
  let place = inSubgroup % ${STEP}u;
  let blocks = (params.t + ${tileRows(tile) - 1}u) / ${tileRows(tile)}u;
  let first = (number % blocks) * ${tileRows(tile)}u;
  let h = (number / blocks) % ${heads};
  let b = number / (blocks * ${heads});
  let share = params.heads / params.keyHeads;
  let start = b * params.t * params.width;
  let length = lengthOf(b);
  let mine = first + place * ${tile.rows}u;
${body}
}
`;
}

export const tileHead = (...[variant, before, after]: Parameters<typeof attentionHead>): string => wgsl`
enable subgroups;
${attentionHead(variant, before, after)}
`;

export const keyStreams: readonly Stream[] = [
  { name: "qkv_k", from: "k", stride: "params.width" },
  { name: "qkv_v", from: "v", stride: "params.width" },
];
export const queryStreams: readonly Stream[] = [
  { name: "qkv_q", from: "q", stride: "params.width" },
  { name: "dy_d", from: "y", stride: "params.heads * params.d" },
  { name: "lse_l", from: "row", stride: "1u", single: true },
  { name: "sums_s", from: "row", stride: "1u", single: true },
];
export const placesOfKeys = wgsl`
  let k = start + (params.heads + h / share) * params.d;
  let v = k + params.keyHeads * params.d;
`;

/** Numbers of an invocation's rows, from 4 c on: \`name_r_c\`. Rows behind the last are it again. */
export const keepRows = (
  { d, rows }: AttentionTile,
  name: string,
  array: string,
  at: (step: string) => string,
  factor = "",
): readonly string[] =>
  range(rows).flatMap((r) => [
    `  let from_${name}_${r} = (${at(`min(mine + ${r}u, params.t - 1u)`)}) / 4u;`,
    ...range(d / 4).map((c) => `  let ${name}_${r}_${c} = ${array}[from_${name}_${r} + ${c}u]${factor};`),
  ]);

/** Sum of products along a head, of row r and step j + u. */
const along = ({ d }: AttentionTile, s: Streams, mine: string, r: number, theirs: string, u: number): string => {
  return range(d / 4).reduce((before, c) => {
    const [a, b] = [`${mine}_${r}_${c}`, s.at(theirs, u, c)];
    return before === "" ? `${a} * ${b}` : `fma(${a}, ${b}, ${before})`;
  }, "");
};

/** Four sums along a head, of row r and the four steps from j on, as a vec4 called `name`. */
export const fourSums = (
  tile: AttentionTile,
  s: Streams,
  name: string,
  [mine, r]: readonly [string, number],
  theirs: string,
): readonly string[] => [
  ...range(STEP).map((u) => `    let ${name}_${u} = ${along(tile, s, mine, r, theirs, u)};`),
  // Four horizontal sums at once: a transpose and three additions.
  `    let ${name}_sums = transpose(mat4x4<f32>(${range(STEP)
    .map((u) => `${name}_${u}`)
    .join(", ")}));`,
  `    let ${name} = (${name}_sums[0] + ${name}_sums[1]) + (${name}_sums[2] + ${name}_sums[3]);`,
];

/** acc = before + the sum over four steps of factor[u] times what they have, all along a head. */
export const addSteps = (
  { d }: AttentionTile,
  s: Streams,
  acc: string,
  r: number,
  factor: string,
  theirs: string,
  rest = "",
): readonly string[] =>
  range(d / 4).map((c) => {
    const sum = range(STEP).reduce(
      (before, u) => `fma(vec4<f32>(${factor}.${component(u)}), ${s.at(theirs, u, c)}, ${before})`,
      `${acc}[${(r * d) / 4 + c}]${rest}`,
    );
    return `    ${acc}[${(r * d) / 4 + c}] = ${sum};`;
  });

export const STEPS = "vec4<u32>(j, j + 1u, j + 2u, j + 3u)";
