import { read, write } from "../common.ts";
import { range, wgsl } from "../wgsl.ts";
import { type AttentionVariant, LOWEST, remains } from "./common.ts";
import {
  type AttentionTile,
  addSteps,
  fourSums,
  keepRows,
  keyStreams,
  placesOfKeys,
  STEPS,
  streams,
  tileHead,
  tileMain,
  tileRows,
} from "./tile.ts";

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
${tileHead(variant, [read("qkv", "vec4<f32>")], [write("o", "vec4<f32>"), write("lse")])}
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
