import { read, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import {
  type AttentionBlock,
  addSteps,
  blockHead,
  blockMain,
  blockRows,
  eachFour,
  foursOf,
  headSums,
  keepRow,
  loopOf,
  memoryOf,
  partOf,
  stepsOf,
  sums,
} from "./block.ts";
import { type AttentionVariant, LOWEST, remains } from "./common.ts";
import { keyStreams, placesOfKeys } from "./tile.ts";

/** o and lse: queries are kept, keys gone through. */
export function attentionBlock(variant: AttentionVariant, block: AttentionBlock): string {
  const fours = foursOf(block);
  const all = fours.flat().length;
  /** Of all steps, from what each four gives: balanced, so that nothing waits longer than it must. */
  const across = (pair: (a: string, b: string) => string, name: string): string =>
    fours
      .map((_, f) => pair(pair(`${name}${f}.x`, `${name}${f}.y`), pair(`${name}${f}.z`, `${name}${f}.w`)))
      .reduce(pair);
  const body = [
    ...fours.flatMap((four, f) => [
      ...headSums(block, four, [[`score${f}`, "q", "qkv_k"]]),
      `    let s${f} = select(vec4<f32>(${LOWEST}), score${f}, ${stepsOf(four)} < vec4<u32>(seen));`,
    ]),
    `    let next = max(${across((a, b) => `max(${a}, ${b})`, "s")}, top);`,
    `    let rest = ${remains("top", "next")};`,
    ...fours.map((_, f) => `    ${variant.dropout ? "var" : "let"} w${f} = exp(s${f} - next);`),
    "    top = next;",
    `    sum = fma(sum, rest, ${across((a, b) => `(${a} + ${b})`, "w")});`,
    ...(variant.dropout ? fours.map(([first], f) => `    w${f} *= kept4(row + mine, j + ${first}u);`) : []),
    ...fours.flatMap((four, f) => addSteps(block, four, "acc", `w${f}`, "qkv_v", f === 0 ? " * rest" : "")),
  ];
  return wgsl`
${blockHead(block, variant, [read("qkv", "vec4<f32>")], [write("o", "vec4<f32>"), write("lse")])}
${memoryOf(block, keyStreams)}
${blockMain(
  block,
  "params.heads",
  wgsl`
  let q = start + h * params.d;
${placesOfKeys}
  let row = (b * params.heads + h) * params.t;
${keepRow(block, "q", "qkv", (step) => `q + ${step} * params.width`, " * params.scale").join("\n")}
  let seen = select(0u, seenBy(mine, length), mine < params.t);
  var top = ${LOWEST};
  var sum = 0.0;
${sums(block, "acc")}
  let last = select(0u, seenBy(min(first + ${blockRows(block) - 1}u, length - 1u), length), first < length);
${loopOf(block, keyStreams, "0u", "last", body, all)}
  if (mine < params.t) {
    let any = seen > 0u;
    let factor = select(0.0, 1.0 / sum, any);
    let y = ${partOf(block, "((b * params.t + mine) * params.heads + h) * params.d")};
${eachFour(block, (c) => `    o[y + ${c}u] = select(vec4<f32>(), acc_${c} * factor, any);`)}
    if (part == 0u) { lse[row + mine] = select(0.0, top + log(max(sum, 1.0)), any); }
  }
`,
)}
`;
}
