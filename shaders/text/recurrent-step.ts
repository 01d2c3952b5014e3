import { flatMain, flatType, read, storage, totalOf, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { type CellText, cellFunctions } from "../recurrent/cells.ts";
import { wgsl } from "../wgsl.ts";

/** `size` sums of gates, or units; `h` units. */
export const recurrentStepParams = paramBlock({ size: "u32", h: "u32" });

/** The state's part of every gate's sum: hiddenBias + w state. By `four` terms at once `h` counts those. */
export function recurrentStepSums(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${recurrentStepParams.wgsl}
${storage(read("weights", type), read("hiddenBias"), read("state", type), write("sums"))}
${flatMain(wgsl`
  var sum = ${type}();
  for (var k = 0u; k < params.h; k++) { sum = fma(weights[i * params.h + k], state[k], sum); }
  sums[i] = hiddenBias[i] + (${totalOf(four, "sum")});
`)}
`;
}

/** What each unit makes of its gates' sums, with the text of the kernels over all steps, which is of four rows: here all the same. */
export function recurrentStepUnits(cell: CellText): string {
  const gates = Array.from({ length: cell.gates }, (_, g) => g);
  return wgsl`
${recurrentStepParams.wgsl}
${storage(read("x"), read("inputBias"), read("sums"), write("y"), write("state"))}
${cellFunctions}
${flatMain(wgsl`
  let h = params.h;
  let before = vec4<f32>(state[i]);
#if ${cell.cell >= 0}
  let cell = vec4<f32>(state[h + i]);
#endif
${gates.map((g) => `  let x${g} = vec4<f32>(x[${g}u * h + i] + inputBias[${g}u * h + i]);`).join("\n")}
${gates.map((g) => `  let s${g} = vec4<f32>(sums[${g}u * h + i]);`).join("\n")}
${cell.step}
  y[i] = made.x;
  state[i] = made.x;
  state[h + i] = ${cell.cell >= 0 ? `v${cell.cell}.x` : "0.0"};
`)}
`;
}
