import { read, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import {
  type AttentionBlock,
  addSteps,
  at,
  blockHead,
  blockMain,
  blockRows,
  eachFour,
  type Group,
  groupsOf,
  headSums,
  keepRow,
  likeSteps,
  loopOf,
  memoryOf,
  partOf,
  stepsOf,
  sums,
  together,
  zeroOf,
} from "./block.ts";
import type { AttentionVariant } from "./common.ts";
import { keyStreams, placesOfKeys, queryStreams } from "./tile.ts";

/** Weights, and slopes of the scores, of a group's steps: `w` and `ds`. */
const pairs = (
  { dropout }: AttentionVariant,
  group: Group,
  log: string,
  whole: string,
  kept: string,
): readonly string[] => [
  `    ${dropout ? "var" : "let"} w = select(${zeroOf(group)}, exp(score - ${log}), here);`,
  ...(dropout
    ? [`    let kept = ${kept};`, `    let ds = w * (slope * kept - ${whole});`, "    w *= kept;"]
    : [`    let ds = w * (slope - ${whole});`]),
];

/** A block of its own for each group of steps, whose names are then free again. */
const each = (groups: readonly Group[], text: (group: Group) => readonly string[]): readonly string[] =>
  groups.flatMap((group) => ["    {", ...text(group), "    }"]);

const arrays = [read("dy", "vec4<f32>"), read("qkv", "vec4<f32>"), read("lse"), read("sums")];
const result = [write("dqkv", "vec4<f32>")];

/** dq in dqkv: queries are kept, keys gone through. */
export function attentionQueryBlock(variant: AttentionVariant, block: AttentionBlock): string {
  // Random words come four at a time; where a turn has one step, so does it.
  const groups = groupsOf(block);
  const alike = groups.flat().length === 4;
  const keptOf = (group: Group): string =>
    !alike ? "kept(row + mine, j)" : group.length === 1 ? `words[${group[0]}]` : "words";
  const body = [
    ...(variant.dropout && alike ? ["    let words = kept4(row + mine, j);"] : []),
    ...each(groups, (group) => [
      ...headSums(block, group, [
        ["score", "q", "qkv_k"],
        ["slope", "dy", "qkv_v"],
      ]),
      `    let here = ${stepsOf(group)} < ${likeSteps(group, "seen")};`,
      ...pairs(variant, group, "logHere", "wholeHere", keptOf(group)),
      ...addSteps(block, group, "acc", "ds", "qkv_k"),
    ]),
  ];
  return wgsl`
${blockHead(block, variant, arrays, result)}
${memoryOf(block, keyStreams)}
${blockMain(
  block,
  "params.heads",
  wgsl`
  let q = start + h * params.d;
${placesOfKeys}
  let row = (b * params.heads + h) * params.t;
${keepRow(block, "q", "qkv", (step) => `q + ${step} * params.width`, " * params.scale").join("\n")}
${keepRow(block, "dy", "dy", (step) => `((b * params.t + ${step}) * params.heads + h) * params.d`).join("\n")}
  let seen = select(0u, seenBy(mine, length), mine < params.t);
  let own = row + min(mine, params.t - 1u);
  let logHere = lse[own];
  let wholeHere = sums[own];
${sums(block, "acc")}
  let last = select(0u, seenBy(min(first + ${blockRows(block) - 1}u, length - 1u), length), first < length);
${loopOf(block, keyStreams, "0u", "last", body)}
  if (mine < params.t) {
    let to = ${partOf(block, "q + mine * params.width")};
${eachFour(block, (c) => `    dqkv[to + ${c}u] = acc_${c} * params.scale;`)}
  }
`,
)}
`;
}

/** dk and dv in dqkv: keys are kept, the queries of their heads gone through. */
export function attentionKeyBlock(variant: AttentionVariant, block: AttentionBlock): string {
  // Four would need more registers than the fewest are, as both dk and dv are kept here.
  const groups = groupsOf(block, !block.ahead);
  const body = each(groups, (group) => [
    ...headSums(block, group, [
      ["score", "k", "qkv_q"],
      ["slope", "v", "dy_d"],
    ]),
    `    let here = (${stepsOf(group)} >= ${likeSteps(group, "begins")}) & (${stepsOf(group)} < ${likeSteps(group, "length")});`,
    ...pairs(
      variant,
      group,
      together(group, (u) => at(block, "lse_l", u)),
      together(group, (u) => at(block, "sums_s", u)),
      together(group, (u) => `kept(row + j + ${u}u, mine)`),
    ),
    ...addSteps(block, group, "dk", "ds", "qkv_q"),
    ...addSteps(block, group, "dv", "w", "dy_d"),
  ]);
  return wgsl`
${blockHead(block, variant, arrays, result)}
${memoryOf(block, queryStreams, groups[0])}
${blockMain(
  block,
  "params.keyHeads",
  wgsl`
  let k = start + (params.heads + h) * params.d;
  let v = k + params.keyHeads * params.d;
${keepRow(block, "k", "qkv", (step) => `k + ${step} * params.width`, " * params.scale").join("\n")}
${keepRow(block, "v", "qkv", (step) => `v + ${step} * params.width`).join("\n")}
  let begins = select(params.t, select(0u, mine, params.causal != 0u), mine < length);
${sums(block, "dk", "dv")}
  // Four at a time from a multiple of four on, as random words are counted.
  let begin = select(0u, first, params.causal != 0u);
  let last = select(0u, length, first < length);
  for (var g = h * share; g < (h + 1u) * share; g++) {
    let q = start + g * params.d;
    let y = (b * params.t * params.heads + g) * params.d;
    let row = (b * params.heads + g) * params.t;
${loopOf(block, queryStreams, "begin", "last", body, groups.flat().length)}
  }
  if (mine < params.t) {
    let step = mine * params.width;
    let toK = ${partOf(block, "k + step")};
    let toV = ${partOf(block, "v + step")};
${eachFour(block, (c) => `    dqkv[toK + ${c}u] = dk_${c} * params.scale; dqkv[toV + ${c}u] = dv_${c};`)}
  }
`,
)}
`;
}
