import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions } from "./cells.ts";
import { type LoopForm, loopMain, loopParams, loopStart, loopTurn, product, stateDeclaration } from "./loop.ts";

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** Declarations of what only some recurrences have. */
export const lengthsRead = (lengths: boolean) => (lengths ? [read("lengths", "i32")] : []);
/** Whether step `t` of a row counts. */
export const countText = (lengths: boolean, t = "t"): string => (lengths ? `i32(${t}) < lengths[row]` : "true");

/**
 * Steps `begin` to `end` of a recurrence. Sums of an item are those of a unit's gates, or, where there is one gate, of four
 * units. Before its first step a launch finds the state in y, and an lstm's cell among the saved values.
 */
export function recurrentForward(cell: CellText, form: LoopForm, lengths: boolean): string {
  const units = cell.gates === 1 ? 4 : 1;
  const lanes = cell.gates === 1 ? 4 : cell.gates;
  const { vectors, local } = form;
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
  const sumOf = (g: number): string => `sums[${cell.gates === 1 ? "u" : `${g}u`} * ${vectors}u + v][r]`;
  return wgsl`
#if ${form.shared}
enable subgroups;
#endif
${loopParams.wgsl}
${storage(...declared)}
${stateDeclaration(form, declared.length + 1)}
${cellFunctions}
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
    for (var base = 0u; base < params.items; base += ${form.width}u) {
    let item = min(base + lane, params.items - 1u);
${product(form, lanes)}
    if (base + lane < params.items) {
    for (var u = 0u; u < ${units}u; u++) {
    let unit = item * ${units}u + u;
    if (unit < h) {
    for (var v = 0u; v < ${vectors}u; v++) {
      let slot = unit * ${vectors}u + v;
      let was = state[now + slot];
      var state4 = vec4<f32>();
      for (var r = 0u; r < 4u; r++) {
        let row = first + v * 4u + r;
        if (row < params.rows) {
        let at = row * params.steps + t;
        let counts = ${countText(lengths)};
        let before = was[r];
#if ${cell.cell >= 0}
        var cell = 0.0;
        if (s > 0u) { cell = saved[((row * params.steps + earlier) * ${cell.saved}u + ${Math.max(0, cell.cell)}u) * h + unit]; }
#endif
${gates.map((g) => `        let x${g} = x[(at * ${cell.gates}u + ${g}u) * h + unit] + inputBias[${g}u * h + unit];`).join("\n")}
${gates.map((g) => `        let s${g} = ${sumOf(g)} + hiddenBias[${g}u * h + unit];`).join("\n")}
${cell.step}
        let kept = select(0.0, made, counts);
        state4[r] = kept;
        y[at * h + unit] = kept;
${range(cell.saved)
  .map((k) => `        saved[(at * ${cell.saved}u + ${k}u) * h + unit] = select(0.0, v${k}, counts);`)
  .join("\n")}
        }
      }
      state[next + slot] = state4;
    }
    }
    }
    }
    }
  ${loopTurn(local)}
  }
`,
)}
`;
}
