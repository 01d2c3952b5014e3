import { read, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type AttentionVariant, attentionHead, LOWEST, remains } from "./common.ts";

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
const STEP = 4;
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);
const component = (u: number): string => "xyzw"[u]!;

export const lanesOf = ({ way }: AttentionTile): number => (way === "block" ? 64 : STEP);
/** Queries, or keys, of a workgroup. */
export const tileRows = (tile: AttentionTile): number => lanesOf(tile) * tile.rows;
/** Steps that pass through workgroup memory at a time: what 16 KiB hold beside a few numbers for each. */
const blockSteps = ({ d }: AttentionTile): number => (d <= 32 ? 32 : d <= 64 ? 16 : 8);

/** An array of which all invocations go through some steps: where in it step 0 begins, and elements from one to the next. */
interface Stream {
  readonly name: string;
  readonly from: string;
  readonly stride: string;
  /** One number a step instead of a row of d. */
  readonly single?: true;
}

/** Text that brings four steps from `j` on, and what it calls them. */
interface Streams {
  /** At module scope. */
  readonly memory: string;
  /** The loop over steps from `first` to before `last`, uniform in a workgroup, around a body in which `j` is a step. */
  loop(first: string, last: string, body: string): string;
  /** Four numbers of step j + u, from 4 c on; or the step's one number. */
  readonly at: (name: string, u: number, c?: number) => string;
}

function streams(tile: AttentionTile, list: readonly Stream[]): Streams {
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
function tileMain(tile: AttentionTile, heads: string, body: string): string {
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

const head = (tile: AttentionTile, ...[variant, before, after]: Parameters<typeof attentionHead>): string => wgsl`
#if ${tile.way === "quads"}
enable subgroups;
#endif
${attentionHead(variant, before, after)}
`;

const keyStreams: readonly Stream[] = [
  { name: "qkv_k", from: "k", stride: "params.width" },
  { name: "qkv_v", from: "v", stride: "params.width" },
];
const placesOfKeys = wgsl`
  let k = start + (params.heads + h / share) * params.d;
  let v = k + params.keyHeads * params.d;
`;

/** Numbers of an invocation's rows, from 4 c on: \`name_r_c\`. Rows behind the last are it again. */
const keepRows = (
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
const fourSums = (
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
const addSteps = (
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

const STEPS = "vec4<u32>(j, j + 1u, j + 2u, j + 3u)";

/** o and lse: queries are kept, keys gone through. */
export function attentionTile(variant: AttentionVariant, tile: AttentionTile): string {
  const { d, rows } = tile;
  const s = streams(tile, keyStreams);
  const body = range(rows).flatMap((r) => [
    ...fourSums(tile, s, `score${r}`, ["q", r], "qkv_k"),
    `    let in${r} = ${STEPS} < vec4<u32>(seen${r});`,
    `    let s${r} = select(vec4<f32>(${LOWEST}), score${r}, in${r});`,
    `    let next${r} = max(max(max(s${r}.x, s${r}.y), max(s${r}.z, s${r}.w)), top${r});`,
    `    let rest${r} = ${remains(`top${r}`, `next${r}`)};`,
    `    ${variant.dropout ? "var" : "let"} w${r} = exp(s${r} - next${r});`,
    `    top${r} = next${r};`,
    `    sum${r} = fma(sum${r}, rest${r}, (w${r}.x + w${r}.y) + (w${r}.z + w${r}.w));`,
    ...(variant.dropout ? [`    w${r} *= kept4(row + mine + ${r}u, j);`] : []),
    ...addSteps(tile, s, "acc", r, `w${r}`, "qkv_v", ` * rest${r}`),
  ]);
  const stores = range(rows).map(
    (r) => wgsl`
  if (mine + ${r}u < params.t) {
    let any = seen${r} > 0u;
    let factor = select(0.0, 1.0 / sum${r}, any);
    let y = ((b * params.t + mine + ${r}u) * params.heads + h) * params.d / 4u;
${range(d / 4)
  .map((c) => `    o[y + ${c}u] = select(vec4<f32>(), acc[${(r * d) / 4 + c}] * factor, any);`)
  .join("\n")}
    lse[row + mine + ${r}u] = select(0.0, top${r} + log(max(sum${r}, 1.0)), any);
  }`,
  );
  return wgsl`
${head(tile, variant, [read("qkv", "vec4<f32>")], [write("o", "vec4<f32>"), write("lse")])}
${s.memory}
${tileMain(
  tile,
  "params.heads",
  wgsl`
  let q = start + h * params.d;
${placesOfKeys}
  let row = (b * params.heads + h) * params.t;
${keepRows(tile, "q", "qkv", (step) => `q + ${step} * params.width`, " * params.scale").join("\n")}
${range(rows)
  .map(
    (r) =>
      `  let seen${r} = select(0u, seenBy(mine + ${r}u, length), mine + ${r}u < params.t); var top${r} = ${LOWEST}; var sum${r} = 0.0;`,
  )
  .join("\n")}
  var acc: array<vec4<f32>, ${(rows * d) / 4}>;
  let last = select(0u, seenBy(min(first + ${tileRows(tile) - 1}u, length - 1u), length), first < length);
${s.loop("0u", "last", body.join("\n"))}
${stores.join("\n")}
`,
)}
`;
}

/** Weight and slope's part of the score of row r and four steps, and what the score's slope is: `w` and `ds`. */
const pairs = (
  { dropout }: AttentionVariant,
  r: number,
  [log, whole]: readonly [string, string],
  kept: string,
): readonly string[] => [
  `    ${dropout ? "var" : "let"} w${r} = select(vec4<f32>(), exp(score${r} - ${log}), in${r});`,
  ...(dropout
    ? [
        `    let kept${r} = ${kept};`,
        `    let ds${r} = w${r} * (slope${r} * kept${r} - ${whole});`,
        `    w${r} *= kept${r};`,
      ]
    : [`    let ds${r} = w${r} * (slope${r} - ${whole});`]),
];

/** dq in dqkv: queries are kept, keys gone through. */
export function attentionQueryTile(variant: AttentionVariant, tile: AttentionTile): string {
  const { d, rows } = tile;
  const s = streams(tile, keyStreams);
  const body = range(rows).flatMap((r) => [
    ...fourSums(tile, s, `score${r}`, ["q", r], "qkv_k"),
    ...fourSums(tile, s, `slope${r}`, ["dy", r], "qkv_v"),
    `    let in${r} = ${STEPS} < vec4<u32>(seen${r});`,
    ...pairs(variant, r, [`log${r}`, `whole${r}`], `kept4(row + mine + ${r}u, j)`),
    ...addSteps(tile, s, "acc", r, `ds${r}`, "qkv_k"),
  ]);
  const stores = range(rows).map(
    (r) => wgsl`
  if (mine + ${r}u < params.t) {
    let at = (q + (mine + ${r}u) * params.width) / 4u;
${range(d / 4)
  .map((c) => `    dqkv[at + ${c}u] = acc[${(r * d) / 4 + c}] * params.scale;`)
  .join("\n")}
  }`,
  );
  return wgsl`
${head(
  tile,
  variant,
  [read("dy", "vec4<f32>"), read("qkv", "vec4<f32>"), read("lse"), read("sums")],
  [write("dqkv", "vec4<f32>")],
)}
${s.memory}
${tileMain(
  tile,
  "params.heads",
  wgsl`
  let q = start + h * params.d;
${placesOfKeys}
  let row = (b * params.heads + h) * params.t;
${keepRows(tile, "q", "qkv", (step) => `q + ${step} * params.width`, " * params.scale").join("\n")}
${keepRows(tile, "dy", "dy", (step) => `((b * params.t + ${step}) * params.heads + h) * params.d`).join("\n")}
${range(rows)
  .map(
    (r) => `  let seen${r} = select(0u, seenBy(mine + ${r}u, length), mine + ${r}u < params.t);
  let at${r} = row + min(mine + ${r}u, params.t - 1u); let log${r} = lse[at${r}]; let whole${r} = sums[at${r}];`,
  )
  .join("\n")}
  var acc: array<vec4<f32>, ${(rows * d) / 4}>;
  let last = select(0u, seenBy(min(first + ${tileRows(tile) - 1}u, length - 1u), length), first < length);
${s.loop("0u", "last", body.join("\n"))}
${stores.join("\n")}
`,
)}
`;
}

/** dk and dv in dqkv: keys are kept, the queries of their heads gone through. */
export function attentionKeyTile(variant: AttentionVariant, tile: AttentionTile): string {
  const { d, rows } = tile;
  const s = streams(tile, [
    { name: "qkv_q", from: "q", stride: "params.width" },
    { name: "dy_d", from: "y", stride: "params.heads * params.d" },
    { name: "lse_l", from: "row", stride: "1u", single: true },
    { name: "sums_s", from: "row", stride: "1u", single: true },
  ]);
  const four = (name: string): string =>
    `vec4<f32>(${range(STEP)
      .map((u) => s.at(name, u))
      .join(", ")})`;
  const word = (r: number): string =>
    `vec4<f32>(${range(STEP)
      .map((u) => `kept(row + j + ${u}u, mine + ${r}u)`)
      .join(", ")})`;
  const body = [
    `    let logs = ${four("lse_l")};`,
    `    let wholes = ${four("sums_s")};`,
    ...range(rows).flatMap((r) => [
      ...fourSums(tile, s, `score${r}`, ["k", r], "qkv_q"),
      ...fourSums(tile, s, `slope${r}`, ["v", r], "dy_d"),
      `    let in${r} = (${STEPS} >= vec4<u32>(from${r})) & (${STEPS} < vec4<u32>(length));`,
      ...pairs(variant, r, ["logs", "wholes"], word(r)),
      ...addSteps(tile, s, "dk", r, `ds${r}`, "qkv_q"),
      ...addSteps(tile, s, "dv", r, `w${r}`, "dy_d"),
    ]),
  ];
  const stores = range(rows).map(
    (r) => wgsl`
  if (mine + ${r}u < params.t) {
    let step = (mine + ${r}u) * params.width;
    let atK = (k + step) / 4u;
    let atV = (v + step) / 4u;
${range(d / 4)
  .map(
    (c) => `    dqkv[atK + ${c}u] = dk[${(r * d) / 4 + c}] * params.scale;
    dqkv[atV + ${c}u] = dv[${(r * d) / 4 + c}];`,
  )
  .join("\n")}
  }`,
  );
  return wgsl`
${head(
  tile,
  variant,
  [read("dy", "vec4<f32>"), read("qkv", "vec4<f32>"), read("lse"), read("sums")],
  [write("dqkv", "vec4<f32>")],
)}
${s.memory}
${tileMain(
  tile,
  "params.keyHeads",
  wgsl`
  let k = start + (params.heads + h) * params.d;
  let v = k + params.keyHeads * params.d;
${keepRows(tile, "k", "qkv", (step) => `k + ${step} * params.width`, " * params.scale").join("\n")}
${keepRows(tile, "v", "qkv", (step) => `v + ${step} * params.width`).join("\n")}
${range(rows)
  .map(
    (r) => `  let from${r} = select(params.t, select(0u, mine + ${r}u, params.causal != 0u), mine + ${r}u < length);`,
  )
  .join("\n")}
  var dk: array<vec4<f32>, ${(rows * d) / 4}>;
  var dv: array<vec4<f32>, ${(rows * d) / 4}>;
  // Four at a time from a multiple of four on, as random words are counted.
  let begin = select(0u, first, params.causal != 0u);
  let last = select(0u, length, first < length);
  for (var g = h * share; g < (h + 1u) * share; g++) {
    let q = start + g * params.d;
    let y = (b * params.t * params.heads + g) * params.d;
    let row = (b * params.heads + g) * params.t;
${s.loop("begin", "last", body.join("\n"))}
  }
${stores.join("\n")}
`,
)}
`;
}
