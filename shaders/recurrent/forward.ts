import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions, ofOneRow } from "./cells.ts";
import { type LoopForm, loopMain, loopParams, stateDeclaration } from "./loop.ts";
import { type PackedForm, packedMain } from "./packed.ts";
import { forwardUnit } from "./unit.ts";

/** Declarations of what only some recurrences have. */
export const lengthsRead = (lengths: boolean) => (lengths ? [read("lengths", "i32")] : []);

/**
 * Steps `begin` to `end` of a recurrence. Sums of an item are those of a unit's gates, or, where there is one gate, of four
 * units. Before its first step a launch finds the state in y (packed: where it left it), an lstm's cell among saved values.
 */
export function recurrentForward(cell: CellText, form: LoopForm | PackedForm, lengths: boolean): string {
  const packed = "depth" in form;
  const few = !packed && form.few;
  const one = few ? "[v]" : "";
  const declared = [
    read("x"),
    read("weights", "vec4<f32>"),
    read("inputBias"),
    read("hiddenBias"),
    ...lengthsRead(lengths),
    write("y"),
    ...(cell.saved > 0 ? [write("saved")] : []),
    ...(packed ? [write("state", "vec4<f32>")] : []),
  ];
  const step = wgsl`
    let t = select(s, params.steps - 1u - s, params.reverse == 1u);
#if ${cell.cell >= 0}
    let earlier = select(t - 1u, t + 1u, params.reverse == 1u);
#endif
`;
  const old = wgsl`
      if ((params.begin > 0u) & (row < params.rows) & (term < h)) {
        let t = select(params.begin - 1u, params.steps - params.begin, params.reverse == 1u);
        was[r] = y[(row * params.steps + t) * h + term];
      }
`;
  const alone = cell.gates === 1;
  const unit = forwardUnit(cell, {
    few,
    sum: (g) =>
      packed ? `state[sums + (unit * ${cell.gates}u + ${g}u) * 4u]` : `sums[${alone ? "u" : `${g}u`}]${one}`,
    before: (term) => (packed ? `state[mine + ${term} * 4u]` : `state[now + ${term}]${one}`),
    after: (term) => (packed ? `state[mine + ${term} * 4u]` : `state[next + ${term}]${one}`),
    carried: "",
  });
  return wgsl`
#if ${packed}
enable subgroups;
#endif
${loopParams.wgsl}
${storage(...declared)}
${packed ? "" : stateDeclaration(form, declared.length + 1)}
${few ? ofOneRow(cellFunctions) : cellFunctions}
${
  packed
    ? packedMain(form, { lengths, step, unit })
    : loopMain(form, { lanes: alone ? 4 : cell.gates, units: alone ? 4 : 1, lengths, old, step, unit })
}
`;
}
