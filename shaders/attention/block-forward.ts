import { read, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import {
  type AttentionBlock,
  addSteps,
  blockHead,
  blockMain,
  blockRows,
  eachFour,
  headSums,
  keepRow,
  loopOf,
  memoryOf,
  partOf,
  sums,
} from "./block.ts";
import { type AttentionVariant, LOWEST, remains } from "./common.ts";
import { keyStreams, placesOfKeys, STEPS } from "./tile.ts";

/** o and lse: queries are kept, keys gone through. */
export function attentionBlock(variant: AttentionVariant, block: AttentionBlock): string {
  const four = [0, 1, 2, 3] as const;
  const body = [
    ...headSums(block, four, [["score", "q", "qkv_k"]]),
    `    let s = select(vec4<f32>(${LOWEST}), score, ${STEPS} < vec4<u32>(seen));`,
    "    let next = max(max(max(s.x, s.y), max(s.z, s.w)), top);",
    `    let rest = ${remains("top", "next")};`,
    `    ${variant.dropout ? "var" : "let"} w = exp(s - next);`,
    "    top = next;",
    "    sum = fma(sum, rest, (w.x + w.y) + (w.z + w.w));",
    ...(variant.dropout ? ["    w *= kept4(row + mine, j);"] : []),
    ...addSteps(block, four, "acc", "w", "qkv_v", " * rest"),
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
${loopOf(block, keyStreams, "0u", "last", body, four.length)}
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
