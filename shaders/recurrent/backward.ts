import { read, storage, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { type CellText, cellFunctions, ofOneRow } from "./cells.ts";
import { lengthsRead } from "./forward.ts";
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

/**
 * Steps `begin` to `end` of the way back, counted from the last step that the recurrence took. State is d of the hidden
 * sums; an item is four units. A launch finds the state of the step before its first among its results, and what is
 * carried beside it, [groups, h] with four rows to a vec4, where only the unit's own invocation reads it.
 */
export function recurrentBackward(cell: CellText, form: LoopForm, lengths: boolean): string {
  const { local, few } = form;
  const rowsOf = few ? ofOneRow : (text: string): string => text;
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
  const carried = `${local > 0 ? "carried[kept]" : "state[params.groups * 2u * half + kept]"}${rowOf(form)}`;
  const gates = range(cell.gates);
  const d = cell.apart ? "e" : "d";
  const unitAt = (at: string): string => `${at} * h + unit`;
  const savedAt =
    (k: number) =>
    (at: string): string =>
      `(${at} * ${cell.saved}u + ${k}u) * h + unit`;
  const gateAt =
    (g: number) =>
    (at: string): string =>
      `(${at} * ${cell.gates}u + ${g}u) * h + unit`;
  const beforeReads = cell.cell >= 0 || cell.name === "gru";
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
${product(form, 4)}
    for (var u = 0u; u < 4u; u++) {
    let unit = item * 4u + u;
    if (unit < h) {
${eachRows(form)}
${rowsOf(
  wgsl`
${fourRows(form, lengths)}
#if ${cell.carries}
      let kept = ${slotOf(form, "(group * h + unit)")};
      var carry = vec4<f32>();
      if (s > 0u) { carry = ${carried}; }
#endif
      let dh = ${gathered(form, "dy", unitAt)} + ${sumAt(form, "u")};
${range(cell.saved)
  .map((k) => `      let v${k} = ${gathered(form, "saved", savedAt(k))};`)
  .join("\n")}
#if ${beforeReads}
      var ${cell.cell >= 0 ? "cell" : "before"} = vec4<f32>();
      if (s + 1u < params.steps) {
        let was = rows * params.steps + vec4<u32>(earlier);
        let found = ${cell.cell >= 0 ? gathered(form, "saved", savedAt(cell.cell), "was") : gathered(form, "y", unitAt, "was")};
#if ${lengths}
        ${cell.cell >= 0 ? "cell" : "before"} = select(vec4<f32>(), found, vec4<i32>(i32(earlier)) < lasts);
#else
        ${cell.cell >= 0 ? "cell" : "before"} = found;
#endif
      }
#endif
#if ${cell.gates === 1}
      let out = ${gathered(form, "y", unitAt)};
#endif
${cell.back}
#if ${cell.carries}
      ${carried} = select(vec4<f32>(), onward, counts);
#endif
${gates
  .flatMap((g) => [
    `      let dx${g} = select(vec4<f32>(), d${g}, counts);`,
    `      let state${g} = select(vec4<f32>(), ${d}${g}, counts);`,
    `      state[next + ${slotOf(form, `(${g}u * h + unit)`)}]${rowOf(form)} = state${g};`,
  ])
  .join("\n")}
${scattered(form, (at, lane) =>
  gates.flatMap((g) => [
    `dx[${gateAt(g)(at)}] = dx${g}${lane};`,
    ...(cell.apart ? [`dhidden[${gateAt(g)(at)}] = state${g}${lane};`] : []),
  ]),
)}
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
