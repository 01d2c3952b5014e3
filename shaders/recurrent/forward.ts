import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions, ofOneRow } from "./cells.ts";
import {
  eachRows,
  fourRows,
  gathered,
  type LoopForm,
  loopMain,
  loopParams,
  loopStart,
  loopTurn,
  product,
  productEnd,
  rowOf,
  scattered,
  slotOf,
  stateDeclaration,
  sumAt,
} from "./loop.ts";

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** Declarations of what only some recurrences have. */
export const lengthsRead = (lengths: boolean) => (lengths ? [read("lengths", "i32")] : []);

/**
 * Steps `begin` to `end` of a recurrence. Sums of an item are those of a unit's gates, or, where there is one gate, of four
 * units. Before its first step a launch finds the state in y, and an lstm's cell among the saved values.
 */
export function recurrentForward(cell: CellText, form: LoopForm, lengths: boolean): string {
  const units = cell.gates === 1 ? 4 : 1;
  const lanes = cell.gates === 1 ? 4 : cell.gates;
  const { local, few } = form;
  const rowsOf = few ? ofOneRow : (text: string): string => text;
  const declared = [
    read("x"),
    read("weights", "vec4<f32>"),
    read("inputBias"),
    read("hiddenBias"),
    ...lengthsRead(lengths),
    write("y"),
    ...(cell.saved > 0 ? [write("saved")] : []),
  ];
  const gates = range(cell.gates);
  const sumOf = (g: number): string => sumAt(form, cell.gates === 1 ? "u" : `${g}u`);
  const savedAt =
    (k: number) =>
    (at: string): string =>
      `(${at} * ${cell.saved}u + ${k}u) * h + unit`;
  return wgsl`
#if ${form.shared}
enable subgroups;
#endif
${loopParams.wgsl}
${storage(...declared)}
${stateDeclaration(form, declared.length + 1)}
${rowsOf(cellFunctions)}
${loopMain(
  form,
  wgsl`
  let h = params.h;
${loopStart(
  form,
  wgsl`
      if ((params.begin > 0u) & (row < params.rows) & (term < h)) {
        let t = select(params.begin - 1u, params.steps - params.begin, params.reverse == 1u);
        was[r] = y[(row * params.steps + t) * h + term];
      }
`,
)}
  for (var s = params.begin; s < params.end; s++) {
    let t = select(s, params.steps - 1u - s, params.reverse == 1u);
    let earlier = select(t - 1u, t + 1u, params.reverse == 1u);
${product(form, lanes)}
    for (var u = 0u; u < ${units}u; u++) {
    let unit = item * ${units}u + u;
    if (unit < h) {
${gates.map((g) => `    let inputBias${g} = inputBias[${g}u * h + unit]; let hiddenBias${g} = hiddenBias[${g}u * h + unit];`).join("\n")}
${eachRows(form)}
      let slot = ${slotOf(form, "unit")};
${rowsOf(
  wgsl`
${fourRows(form, lengths)}
      let before = state[now + slot]${rowOf(form)};
#if ${cell.cell >= 0}
      var cell = vec4<f32>();
      if (s > 0u) {
        let was = rows * params.steps + vec4<u32>(earlier);
        cell = ${gathered(form, "saved", savedAt(cell.cell), "was")};
      }
#endif
${gates.map((g) => `      let x${g} = ${gathered(form, "x", (at) => `(${at} * ${cell.gates}u + ${g}u) * h + unit`)} + inputBias${g};`).join("\n")}
${gates.map((g) => `      let s${g} = ${sumOf(g)} + hiddenBias${g};`).join("\n")}
${cell.step}
      let kept = select(vec4<f32>(), made, counts);
      state[next + slot]${rowOf(form)} = kept;
${range(cell.saved)
  .map((k) => `      let keep${k} = select(vec4<f32>(), v${k}, counts);`)
  .join("\n")}
${scattered(form, (at, lane) => [
  `y[${at} * h + unit] = kept${lane};`,
  ...range(cell.saved).map((k) => `saved[${savedAt(k)(at)}] = keep${k}${lane};`),
])}
`,
)}
    }
    }
    }
${productEnd}
  ${loopTurn(local)}
  }
`,
)}
`;
}
