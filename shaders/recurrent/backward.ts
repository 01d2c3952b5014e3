import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions } from "./cells.ts";
import { countText, lengthsRead } from "./forward.ts";
import { type LoopForm, loopMain, loopParams, loopStart, loopTurn, product, stateDeclaration } from "./loop.ts";

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/**
 * Steps `begin` to `end` of the way back, counted from the last step that the recurrence took. State is d of the hidden
 * sums; an item is four units. A launch finds the state of the step before its first among its results, and what is
 * carried beside it, [groups, h] with four rows to a vec4, where only the unit's own invocation reads it.
 */
export function recurrentBackward(cell: CellText, form: LoopForm, lengths: boolean): string {
  const { vectors, local } = form;
  const hidden = cell.apart ? "dhidden" : "dx";
  const declared = [
    read("dy"),
    ...(cell.saved > 0 ? [read("saved")] : []),
    ...(cell.readsOutputs ? [read("y")] : []),
    read("weights", "vec4<f32>"),
    ...lengthsRead(lengths),
    write("dx"),
    ...(cell.apart ? [write("dhidden")] : []),
    ...(cell.carries && local > 0 ? [write("carried", "vec4<f32>")] : []),
  ];
  // State in the device's memory has it behind itself: there are only so many bindings.
  const carried = local > 0 ? "carried[own]" : "state[params.groups * 2u * half + own]";
  const gates = range(cell.gates);
  const d = cell.apart ? "e" : "d";
  const beforeReads = cell.cell >= 0 || cell.name === "gru";
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
      if ((params.begin > 0u) & (row < params.rows) & (term < ${cell.gates}u * h)) {
        let t = select(params.steps - params.begin, params.begin - 1u, params.reverse == 1u);
        was[r] = ${hidden}[(row * params.steps + t) * ${cell.gates}u * h + term];
      }
`,
)}
  for (var s = params.begin; s < params.end; s++) {
    let t = select(params.steps - 1u - s, s, params.reverse == 1u);
#if ${beforeReads}
    let earlier = select(t - 1u, t + 1u, params.reverse == 1u);
#endif
    for (var base = 0u; base < params.items; base += ${form.width}u) {
    let item = min(base + lane, params.items - 1u);
${product(form, 4)}
    if (base + lane < params.items) {
    for (var u = 0u; u < 4u; u++) {
    let unit = item * 4u + u;
    if (unit < h) {
    for (var v = 0u; v < ${vectors}u; v++) {
#if ${cell.carries}
      let own = (group * h + unit) * ${vectors}u + v;
      var carry4 = vec4<f32>();
      if (s > 0u) { carry4 = ${carried}; }
#endif
${gates.map((g) => `      var state${g} = vec4<f32>();`).join("\n")}
      for (var r = 0u; r < 4u; r++) {
        let row = first + v * 4u + r;
        if (row < params.rows) {
        let at = row * params.steps + t;
        let counts = ${countText(lengths)};
#if ${beforeReads}
        let follows = (s + 1u < params.steps) & (${countText(lengths, "earlier")});
#endif
        let dh = dy[at * h + unit] + sums[u * ${vectors}u + v][r];
${range(cell.saved)
  .map((k) => `        let v${k} = saved[(at * ${cell.saved}u + ${k}u) * h + unit];`)
  .join("\n")}
#if ${cell.carries}
        let carry = carry4[r];
#endif
#if ${cell.cell >= 0}
        var cell = 0.0;
        if (follows) { cell = saved[((row * params.steps + earlier) * ${cell.saved}u + ${Math.max(0, cell.cell)}u) * h + unit]; }
#endif
#if ${cell.name === "gru"}
        var before = 0.0;
        if (follows) { before = y[(row * params.steps + earlier) * h + unit]; }
#endif
#if ${cell.gates === 1}
        let out = y[at * h + unit];
#endif
${cell.back}
#if ${cell.carries}
        carry4[r] = select(0.0, onward, counts);
#endif
${gates
  .flatMap((g) => [
    `        dx[(at * ${cell.gates}u + ${g}u) * h + unit] = select(0.0, d${g}, counts);`,
    `        state${g}[r] = select(0.0, ${d}${g}, counts);`,
    ...(cell.apart ? [`        dhidden[(at * ${cell.gates}u + ${g}u) * h + unit] = state${g}[r];`] : []),
  ])
  .join("\n")}
        }
      }
#if ${cell.carries}
      ${carried} = carry4;
#endif
${gates.map((g) => `      state[next + (${g}u * h + unit) * ${vectors}u + v] = state${g};`).join("\n")}
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
