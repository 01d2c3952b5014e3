import { read, write } from "../common.ts";
import { range, wgsl } from "../wgsl.ts";
import type { AttentionVariant } from "./common.ts";
import {
  type AttentionTile,
  addSteps,
  fourSums,
  keepRows,
  keyStreams,
  placesOfKeys,
  queryStreams,
  STEP,
  STEPS,
  streams,
  tileHead,
  tileMain,
  tileRows,
} from "./tile.ts";

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
${tileHead(
  variant,
  [read("dy", "vec4<f32>"), read("qkv", "vec4<f32>"), read("lse"), read("sums")],
  [write("dqkv", "vec4<f32>")],
)}
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
  const s = streams(tile, queryStreams);
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
${tileHead(
  variant,
  [read("dy", "vec4<f32>"), read("qkv", "vec4<f32>"), read("lse"), read("sums")],
  [write("dqkv", "vec4<f32>")],
)}
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
