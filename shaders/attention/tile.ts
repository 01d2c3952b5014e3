import { wgsl } from "../wgsl.ts";
import { attentionHead } from "./common.ts";

/**
 * Attention in tiles: an invocation keeps some queries, or keys, and their sums in registers, and goes through the others
 * four at a time. Scores are nowhere in memory.
 */
export interface AttentionTile {
  /** Width of a head, a multiple of 4: everything along it is written out. */
  readonly d: number;
  /** Queries, or keys, that an invocation keeps. */
  readonly rows: 1 | 2;
  /**
   * How the invocations of a workgroup get what all of them go through. "quads": there are four, each loads one of four
   * steps and the others take it from its register (WGSL's subgroups). "block": through workgroup memory.
   */
  readonly way: "quads" | "block";
}

/** Steps that are gone through at a time. */
export const STEP = 4;
export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const component = (u: number): string => "xyzw"[u]!;

export const lanesOf = ({ way }: AttentionTile): number => (way === "block" ? 64 : STEP);
/** Queries, or keys, of a workgroup. */
export const tileRows = (tile: AttentionTile): number => lanesOf(tile) * tile.rows;
/** Steps that pass through workgroup memory at a time: what 16 KiB hold beside a few numbers for each. */
const blockSteps = ({ d }: AttentionTile): number => (d <= 32 ? 32 : d <= 64 ? 16 : 8);

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
  /** At module scope. */
  readonly memory: string;
  /** The loop over steps from `first` to before `last`, uniform in a workgroup, around a body in which `j` is a step. */
  loop(first: string, last: string, body: string): string;
  /** Four numbers of step j + u, from 4 c on; or the step's one number. */
  readonly at: (name: string, u: number, c?: number) => string;
}

export function streams(tile: AttentionTile, list: readonly Stream[]): Streams {
  const { d, way } = tile;
  const quads = range(d / 4);
  const rows = list.filter((s) => !s.single);
  const singles = list.filter((s) => s.single);
  const last = "params.t - 1u";
  const arrayOf = ({ name }: Stream): string => name.split("_")[0]!;
  if (way === "quads") {
    const loads = [
      `    let at = min(j + place, ${last});`,
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
      memory: "",
      loop: (first, end, body) => `  for (var j = ${first}; j < ${end}; j += ${STEP}u) {
${[...loads, ...shared].join("\n")}
${body}
  }`,
      at: (name, u, c) => (c === undefined ? `${name}_${u}` : `${name}_${u}_${c}`),
    };
  }
  const steps = blockSteps(tile);
  const lanes = lanesOf(tile);
  const memory = [
    ...rows.map((s) => `var<workgroup> tile_${s.name}: array<vec4<f32>, ${(steps * d) / 4}>;`),
    ...singles.map((s) => `var<workgroup> tile_${s.name}: array<f32, ${steps}>;`),
  ].join("\n");
  const bring = `    for (var p = place; p < ${(steps * d) / 4}u; p += ${lanes}u) {
      let at = min(j0 + p / ${d / 4}u, ${last});
${rows.map((s) => `      tile_${s.name}[p] = ${arrayOf(s)}[(${s.from} + at * ${s.stride}) / 4u + p % ${d / 4}u];`).join("\n")}
    }
${singles.map((s) => `    if (place < ${steps}u) { tile_${s.name}[place] = ${arrayOf(s)}[${s.from} + min(j0 + place, ${last}) * ${s.stride}]; }`).join("\n")}`;
  return {
    memory,
    loop: (first, end, body) => `  for (var j0 = ${first}; j0 < ${end}; j0 += ${steps}u) {
    workgroupBarrier();
${bring}
    workgroupBarrier();
    for (var j = j0; j < min(j0 + ${steps}u, ${end}); j += ${STEP}u) {
      let inTile = j - j0;
${body}
    }
  }`,
    at: (name, u, c) =>
      c === undefined ? `tile_${name}[inTile + ${u}u]` : `tile_${name}[(inTile + ${u}u) * ${d / 4}u + ${c}u]`,
  };
}

/** Entry point of a workgroup for `tileRows` steps from `first` on, of head `h` of `heads` heads of row `b`. */
export function tileMain(tile: AttentionTile, heads: string, body: string): string {
  return wgsl`
@compute @workgroup_size(${lanesOf(tile)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${tile.way === "quads"}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
  let number = group.y * groups.x + group.x;
  if (number >= params.size) { return; }
#if ${tile.way === "quads"}
  // Which steps a lane has follows from its place in the quad, as broadcasts count it.
  let place = inSubgroup % ${STEP}u;
#else
  let place = lane;
#endif
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

export const tileHead = (
  tile: AttentionTile,
  ...[variant, before, after]: Parameters<typeof attentionHead>
): string => wgsl`
#if ${tile.way === "quads"}
enable subgroups;
#endif
${attentionHead(variant, before, after)}
`;

export const keyStreams: readonly Stream[] = [
  { name: "qkv_k", from: "k", stride: "params.width" },
  { name: "qkv_v", from: "v", stride: "params.width" },
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
