import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions, ofOneRow } from "./cells.ts";
import { lengthsRead } from "./forward.ts";
import { type LoopForm, loopMain, loopParams, stateDeclaration } from "./loop.ts";
import { type PackedForm, packedMain } from "./packed.ts";
import { backwardUnit } from "./unit.ts";

/**
 * Steps `begin` to `end` of the way back, counted from the last step that the recurrence took. State is d of the hidden
 * sums; an item is four units. A launch finds the state of the step before its first among its results, and what is
 * carried beside it, [groups, h] with four rows to a vec4, where only the unit's own invocation reads it.
 */
export function recurrentBackward(cell: CellText, form: LoopForm | PackedForm, lengths: boolean): string {
  const packed = "depth" in form;
  const few = !packed && form.few;
  const one = few ? "[v]" : "";
  const hidden = cell.apart ? "dhidden" : "dx";
  const declared = [
    read("dy"),
    ...(cell.saved > 0 ? [read("saved")] : []),
    ...(cell.readsOutputs ? [read("y")] : []),
    read("weights", "vec4<f32>"),
    ...lengthsRead(lengths),
    write("dx"),
    ...(cell.apart ? [write("dhidden")] : []),
    ...(!packed && cell.carries && form.local > 0 ? [write("carried", "vec4<f32>")] : []),
    ...(packed ? [write("state", "vec4<f32>")] : []),
  ];
  const step = wgsl`
    let t = select(params.steps - 1u - s, s, params.reverse == 1u);
#if ${cell.cell >= 0 || cell.name === "gru"}
    let earlier = select(t - 1u, t + 1u, params.reverse == 1u);
#endif
`;
  const old = wgsl`
      if ((params.begin > 0u) & (row < params.rows) & (term < ${cell.gates}u * h)) {
        let t = select(params.steps - params.begin, params.begin - 1u, params.reverse == 1u);
        was[r] = ${hidden}[(row * params.steps + t) * ${cell.gates}u * h + term];
      }
`;
  const places = packed
    ? {
        few,
        sum: () => "state[sums + unit * 4u]",
        before: () => "",
        after: (term: string) => `state[mine + ${term} * 4u]`,
        carried: "state[carried + unit * 4u]",
      }
    : {
        few,
        sum: () => `sums[u]${one}`,
        before: () => "",
        after: (term: string) => `state[next + ${term}]${one}`,
        // State in the device's memory has it behind itself: there are only so many bindings.
        carried: `${form.local > 0 ? "carried[group * h + unit]" : "state[params.groups * 2u * params.terms + group * h + unit]"}${one}`,
      };
  const unit = backwardUnit(cell, lengths, places);
  return wgsl`
#if ${packed}
enable subgroups;
#endif
${loopParams.wgsl}
${storage(...declared)}
${packed ? "" : stateDeclaration(form, declared.length + 1)}
${few ? ofOneRow(cellFunctions) : cellFunctions}
${packed ? packedMain(form, { lengths, step, unit }) : loopMain(form, { lanes: 4, units: 4, lengths, old, step, unit })}
`;
}
