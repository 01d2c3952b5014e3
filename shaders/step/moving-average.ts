import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { CONTROL } from "./step.ts";

/** `rate` is 1 - decay. */
export const movingAverageParams = paramBlock({ size: "u32", rate: "f32" });

/** Moves one average towards its parameter; `rate` is a number of the kernel. */
export const movingAverageStep = (average: string, parameter: string): string =>
  `${average} = fma(rate, ${parameter} - ${average}, ${average});`;

/** The kernel over flat arrays: an invocation takes one element, or four where sizes allow it (params.size counts those). */
export function movingAverage(vector: boolean): string {
  const type = vector ? "vec4<f32>" : "f32";
  return wgsl`
${movingAverageParams.wgsl}
${storage(write("averages", type), read("parameters", type), read("control"))}
${flatMain(wgsl`
  if (control[${CONTROL.gate}] == 0.0) { return; }
  let rate = ${type}(params.rate);
  ${movingAverageStep("averages[i]", "parameters[i]")}
`)}
`;
}
