// One kernel in the parts that its text has, which is read from its head to its end: so longer than a file should be.
import { turnsOf } from "../turns.ts";
import { range, wgsl } from "../wgsl.ts";
import { attentionHead } from "./common.ts";
import type { Stream } from "./tile.ts";

/**
 * Attention on GPUs: a workgroup has some queries, or keys, in registers, and goes through the others by way of its memory,
 * four at a time. Scores are nowhere in the device's memory.
 */
export interface AttentionBlock {
  /** Width of a head, a multiple of 4: everything along it is written out. */
  readonly d: number;
  /**
   * Invocations that share a query, or a key, and its sums: each has as much of the head in its registers. A power of two
   * that divides d / 4.
   */
  readonly parts: number;
  /**
   * So many that share one, a power of two from 4 on, can add up what each has in their registers (WGSL's subgroups); 1: none.
   * More do it through the workgroup's memory.
   */
  readonly lanes: number;
  /**
   * For many registers: all loads of a block are under way before one is waited for, and the way back takes four steps a turn.
   * Else loads are put away one after the other, and the way back takes step by step.
   */
  readonly ahead: boolean;
}

/** Invocations of a workgroup. */
export const BLOCK_LANES = 64;
/** Queries, or keys, of a workgroup. */
export const blockRows = ({ parts }: AttentionBlock): number => BLOCK_LANES / parts;
/** Steps that are gone through at a time. */
const STEP = 4;
/** Steps that pass through workgroup memory at a time: what 8 KiB hold of two arrays. */
const blockSteps = ({ d }: AttentionBlock): number => (d <= 32 ? 32 : d <= 64 ? 16 : 8);
/** vec4s of a head that an invocation has. */
const widthOf = ({ d, parts }: AttentionBlock): number => d / 4 / parts;
const usesLanes = ({ parts, lanes }: AttentionBlock): boolean => parts > 1 && parts <= lanes;
const usesMemory = (block: AttentionBlock): boolean => block.parts > 1 && !usesLanes(block);

/** Steps of a turn on the way back. */
const stepsBack = (block: AttentionBlock): number => (block.ahead || usesMemory(block) ? STEP : 1);
/**
 * Steps of a turn whose scores are added up together: all four, or two by two, where barriers stand behind them, else one
 * after the other.
 */
export type Group = readonly number[];
export const groupsOf = (block: AttentionBlock, twos = false): readonly Group[] => {
  if (!usesMemory(block)) return range(stepsBack(block)).map((u) => [u]);
  return [range(twos ? 2 : STEP)];
};

/**
 * Forward, fours of steps of a turn. What was added up is rescaled once a turn, and a turn begins with a maximum: of eight steps
 * both count half as much, where one invocation has a head's row and registers for eight scores.
 */
export const foursOf = ({ ahead, parts }: AttentionBlock): readonly Group[] =>
  range(ahead && parts === 1 ? 2 : 1).map((f) => range(STEP).map((u) => STEP * f + u));

const typeOf = (group: Group): string => (group.length === 1 ? "f32" : `vec${group.length}<f32>`);
/** `text(u)` of each of a group's steps, as one value. */
export const together = (group: Group, text: (u: number) => string): string =>
  group.length === 1 ? text(group[0]!) : `${typeOf(group)}(${group.map(text).join(", ")})`;
export const zeroOf = (group: Group): string => `${typeOf(group)}()`;
/** Of what belongs to a group, that of one of its steps. */
export const ofStep = (group: Group, name: string, u: number): string =>
  group.length === 1 ? name : `${name}.${"xyzw"[group.indexOf(u)]}`;
/** The group's steps, as u32. */
export const stepsOf = (group: Group): string =>
  group.length === 1 ? `j + ${group[0]}u` : `vec${group.length}<u32>(${group.map((u) => `j + ${u}u`).join(", ")})`;
/** A u32 to compare them with. */
export const likeSteps = (group: Group, value: string): string =>
  group.length === 1 ? value : `vec${group.length}<u32>(${value})`;

/** Four numbers of step j + u of an array, from 4 c on of an invocation's part; or the step's one number. */
export const at = (block: AttentionBlock, name: string, u: number, c?: number): string =>
  c === undefined
    ? `tile_${name}[inTile + ${u}u]`
    : `tile_${name}[inTile + ${u}u][${block.parts > 1 ? `part * ${widthOf(block)}u + ` : ""}${c}u]`;

/** Workgroup memory for arrays of which all invocations go through some steps, and for scores of `shared` steps at a time. */
export function memoryOf(block: AttentionBlock, list: readonly Stream[], shared: Group = range(STEP)): string {
  const steps = blockSteps(block);
  return [
    ...list.map(({ name, single }) =>
      single
        ? `var<workgroup> tile_${name}: array<f32, ${steps}>;`
        : `var<workgroup> tile_${name}: array<array<vec4<f32>, ${block.d / 4}>, ${steps}>;`,
    ),
    ...(usesMemory(block) ? [`var<workgroup> shares: array<array<${typeOf(shared)}, ${BLOCK_LANES}>, 2>;`] : []),
  ].join("\n");
}

/**
 * The loop over steps from `first` to before `last`, both the same in the workgroup, around a body in which `j` is a step and
 * `each` go on from it.
 */
export function loopOf(
  block: AttentionBlock,
  list: readonly Stream[],
  first: string,
  last: string,
  body: readonly string[],
  each = stepsBack(block),
): string {
  const steps = blockSteps(block);
  const across = block.d / 4;
  const total = steps * across;
  const turns = range(Math.ceil(total / BLOCK_LANES));
  const rows = list.filter((s) => !s.single);
  const lastStep = "params.t - 1u";
  const arrayOf = ({ name }: Stream): string => name.split("_")[0]!;
  const where = turns.map(
    (
      i,
    ) => `    let row${i} = (lane + ${i * BLOCK_LANES}u) / ${across}u % ${steps}u; let c${i} = (lane + ${i * BLOCK_LANES}u) % ${across}u;
    let step${i} = min(j0 + row${i}, ${lastStep});`,
  );
  const load = (s: Stream, i: number | ""): string =>
    `${arrayOf(s)}[(${s.from} + step${i} * ${s.stride}) / 4u + c${i}]`;
  const loads = turns.flatMap((i) => rows.map((s) => `    let ${s.name}_${i} = ${load(s, i)};`));
  const put = turns.map((i) => {
    const left = total - i * BLOCK_LANES;
    const text = rows.map((s) => `tile_${s.name}[row${i}][c${i}] = ${s.name}_${i};`).join(" ");
    return left >= BLOCK_LANES ? `    ${text}` : `    if (lane < ${left}u) { ${text} }`;
  });
  /** The same in a loop, as every turn that is written out keeps its places in registers. */
  const putEach = wgsl`
    for (var piece = lane; piece < ${total}u; piece += ${BLOCK_LANES}u) {
      let row = piece / ${across}u % ${steps}u; let c = piece % ${across}u;
      let step = min(j0 + row, ${lastStep});
${rows.map((s) => `      tile_${s.name}[row][c] = ${load(s, "")};`).join("\n")}
    }
`;
  const singles = list
    .filter((s) => s.single)
    .map((s) => `tile_${s.name}[lane] = ${arrayOf(s)}[${s.from} + min(j0 + lane, ${lastStep}) * ${s.stride}];`);
  // Where registers are few, Intel's compiler sees through such an end, and writes out what it finds short: 177 spills.
  const few = !block.ahead && steps < 32;
  const head = few ? "for (var turn = 0u; turn < turns; turn++) {" : turnsOf("turn", "turns");
  return wgsl`
  let blocksOf = (max(${last}, ${first}) - ${first} + ${steps - 1}u) / ${steps}u;
  ${turnsOf("ofBlocks", "blocksOf")}
    let j0 = ${first} + ofBlocks * ${steps}u;
${(block.ahead ? [...where, ...loads] : []).join("\n")}
    workgroupBarrier();
${block.ahead ? put.join("\n") : putEach}
${singles.length > 0 ? `    if (lane < ${steps}u) { ${singles.join(" ")} }` : ""}
    workgroupBarrier();
    // As many turns as there are steps: a number that compilers know they would write out, with a branch in each. The
    // remainder lets indices be proved to lie inside.
    let turns = (min(${last} - j0, ${steps}u) + ${each - 1}u) / ${each}u;
    ${head}
      let inTile = turn % ${steps / each}u * ${each}u;
      let j = j0 + inTile;
${body.join("\n")}
    }
  }
`;
}

/** Entry point of a workgroup for `blockRows` steps from `first` on, of head `h` of `heads` heads of row `b`. */
export function blockMain(block: AttentionBlock, heads: string, body: string): string {
  const rows = blockRows(block);
  return wgsl`
@compute @workgroup_size(${BLOCK_LANES})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${usesLanes(block)}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        @builtin(local_invocation_index) lane: u32) {
  let number = group.y * groups.x + group.x;
  if (number >= params.size) { return; }
#if ${usesLanes(block)}
  // Who shares a row follows from the place in a subgroup, as its exchange counts it.
#if ${block.parts <= 4}
  let place = quadBroadcast(lane, 0u) + inSubgroup % 4u;
#else
  let place = subgroupShuffle(lane, inSubgroup - inSubgroup % ${block.parts}u) + inSubgroup % ${block.parts}u;
#endif
#else
  let place = lane;
#endif
  let part = place % ${block.parts}u;
  let blocks = (params.t + ${rows - 1}u) / ${rows}u;
  let first = (number % blocks) * ${rows}u;
  let h = (number / blocks) % ${heads};
  let b = number / (blocks * ${heads});
  let share = params.heads / params.keyHeads;
  let start = b * params.t * params.width;
  let length = lengthOf(b);
  let mine = first + place / ${block.parts}u;
${body}
}
`;
}

/** Sum of products of two vec4s behind another sum. */
const alongFour = wgsl`
fn along(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}
`;

export const blockHead = (
  block: AttentionBlock,
  ...[variant, before, after]: Parameters<typeof attentionHead>
): string => wgsl`
#if ${usesLanes(block)}
enable subgroups;
#endif
${attentionHead(variant, before, after)}
${alongFour}
`;

/** Where an invocation's part of a row of an array begins, in vec4s; rows behind the last are it again. */
export const partOf = (block: AttentionBlock, where: string): string =>
  `(${where}) / 4u${block.parts > 1 ? ` + part * ${widthOf(block)}u` : ""}`;

/** Numbers of an invocation's row, from 4 c on: `name_c`. */
export const keepRow = (
  block: AttentionBlock,
  name: string,
  array: string,
  where: (step: string) => string,
  factor = "",
): readonly string[] => [
  `  let from_${name} = ${partOf(block, where("min(mine, params.t - 1u)"))};`,
  ...range(widthOf(block)).map((c) => `  let ${name}_${c} = ${array}[from_${name} + ${c}u]${factor};`),
];

export const sums = (block: AttentionBlock, ...names: readonly string[]): string =>
  names.flatMap((name) => range(widthOf(block)).map((c) => `  var ${name}_${c} = vec4<f32>();`)).join("\n");

/** What the invocation has whose place differs by one bit. */
const ofLane = (value: string, apart: number): string =>
  apart === 1 ? `quadSwapX(${value})` : apart === 2 ? `quadSwapY(${value})` : `subgroupShuffleXor(${value}, ${apart}u)`;

/** Sums along a head, of an invocation's row and each of a group's steps: pairs of what is kept and what passes, and a name. */
export function headSums(
  block: AttentionBlock,
  group: Group,
  list: readonly (readonly [name: string, mine: string, theirs: string])[],
): readonly string[] {
  const own = ([name, mine, theirs]: (typeof list)[number]): string => {
    const one = (u: number): string =>
      range(widthOf(block)).reduce((sum, c) => `along(${mine}_${c}, ${at(block, theirs, u, c)}, ${sum})`, "0.0");
    return `    let ${block.parts > 1 ? `own_${name}` : name} = ${together(group, one)};`;
  };
  const texts = list.map(own);
  if (usesLanes(block)) {
    for (const [name] of list) {
      let have = `own_${name}`;
      for (let apart = 1; apart < block.parts; apart *= 2) {
        const more = 2 * apart === block.parts ? name : `${name}_of_${2 * apart}`;
        texts.push(`    let ${more} = ${have} + ${ofLane(have, apart)};`);
        have = more;
      }
    }
  } else if (block.parts > 1) {
    texts.push(
      "    workgroupBarrier();",
      ...list.map(([name], i) => `    shares[${i}][place] = own_${name};`),
      "    workgroupBarrier();",
      ...list.map(([name]) => `    var ${name} = ${zeroOf(group)};`),
      // A number of turns that compilers know they would write out, with a place for each in registers.
      `    for (var p = 0u; p < params.d / ${4 * widthOf(block)}u; p++) {`,
      `      let other = (place - part + p) % ${BLOCK_LANES}u;`,
      ...list.map(([name], i) => `      ${name} += shares[${i}][other];`),
      "    }",
    );
  }
  return texts;
}

/** name = name + the sum over a group's steps of factor times what they have, all along the head. */
export const addSteps = (
  block: AttentionBlock,
  group: Group,
  name: string,
  factor: string,
  theirs: string,
  rest = "",
): readonly string[] =>
  range(widthOf(block)).flatMap((c) => {
    const more = (before: string, u: number): string =>
      `fma(vec4<f32>(${ofStep(group, factor, u)}), ${at(block, theirs, u, c)}, ${before})`;
    const acc = `${name}_${c}`;
    // As one expression all that it reads is read before anything is added.
    return block.ahead
      ? [`    ${acc} = ${group.reduce(more, `${acc}${rest}`)};`]
      : group.map((u, i) => `    ${acc} = ${more(`${acc}${i === 0 ? rest : ""}`, u)};`);
  });

/** `text(c)` for each vec4 of an invocation's part. */
export const eachFour = (block: AttentionBlock, text: (c: number) => string): string =>
  range(widthOf(block)).map(text).join("\n");
