import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `size` vec4s, `items` to a term; of lines, `items` to a line, which `gates` make a unit. */
export const packParams = paramBlock({ size: "u32", items: "u32", rows: "u32", columns: "u32", gates: "u32" });

/**
 * Which four weights w [rows, columns] lie side by side: those of an item's gates (term: a column), of four rows (term: a
 * column), or of four columns (term: a row). Or four terms of a line, which is a row (term: a column), gates of a unit one
 * behind the other, or a column (term: a row).
 */
export type PackForm = "gates" | "rows" | "columns" | "lines" | "columnLines";

/** Weights as the loops over time read them, zeros behind the edge: neighbouring invocations read neighbouring vec4s. */
export function packWeights(form: PackForm): string {
  const line = "i / params.items";
  const term = "4u * (i % params.items) + u";
  const [row, column] = {
    gates: ["u * params.columns + item", "term"],
    rows: ["4u * item + u", "term"],
    columns: ["term", "4u * item + u"],
    lines: [`${line} % params.gates * params.columns + ${line} / params.gates`, term],
    columnLines: [term, line],
  }[form];
  return wgsl`
${packParams.wgsl}
${storage(read("w"), write("weights", "vec4<f32>"))}
${flatMain(wgsl`
#if ${!form.endsWith("ines")}
  let item = i % params.items;
  let term = i / params.items;
#endif
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
