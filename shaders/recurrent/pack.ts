import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `size` vec4s, `items` to a term. */
export const packParams = paramBlock({ size: "u32", items: "u32", rows: "u32", columns: "u32" });

/**
 * Which four weights w [rows, columns] lie side by side: those of an item's gates (term: a column), of four rows (term: a
 * column), or of four columns (term: a row).
 */
export type PackForm = "gates" | "rows" | "columns";

/** Weights as the loops over time read them, zeros behind the edge: neighbouring invocations read neighbouring vec4s. */
export function packWeights(form: PackForm): string {
  const row = { gates: "u * params.columns + item", rows: "4u * item + u", columns: "term" }[form];
  const column = form === "columns" ? "4u * item + u" : "term";
  return wgsl`
${packParams.wgsl}
${storage(read("w"), write("weights", "vec4<f32>"))}
${flatMain(wgsl`
  let item = i % params.items;
  let term = i / params.items;
  var four = vec4<f32>();
  for (var u = 0u; u < 4u; u++) {
    let row = ${row};
    let column = ${column};
    if ((row < params.rows) & (column < params.columns)) { four[u] = w[row * params.columns + column]; }
  }
  weights[i] = four;
`)}
`;
}
