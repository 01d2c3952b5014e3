import { eachLane, flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * Elements from `start` on of a value whose channels, `c` of them in turn, have `places` elements each. An invocation takes an
 * element, or `four` of one channel (params count those).
 */
export const preluParams = paramBlock({ size: "u32", start: "u32", c: "u32", places: "u32" });

export const preluOf = (x: string, slope: string): string => `select(${slope} * ${x}, ${x}, ${x} > 0.0)`;
export const preluGradientOf = (dy: string, x: string, slope: string): string =>
  `${dy} * select(${slope}, 1.0, ${x} > 0.0)`;
/** What an element adds to the gradient of its channel's slope. */
export const preluTermOf = (dy: string, x: string): string => `${dy} * select(${x}, 0.0, ${x} > 0.0)`;

const slope = "  let slope = slopes[((params.start + i) / params.places) % params.c];\n  let v = x[i];\n";

export function prelu(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${preluParams.wgsl}
${storage(read("x", type), read("slopes"), write("y", type))}
${flatMain(`${slope}  y[i] = ${eachLane(four, (lane) => preluOf(`v${lane}`, "slope"))};`)}
`;
}

export function preluGradient(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${preluParams.wgsl}
${storage(read("dy", type), read("x", type), read("slopes"), write("dx", type))}
${flatMain(`${slope}  let g = dy[i];\n  dx[i] = ${eachLane(four, (lane) => preluGradientOf(`g${lane}`, `v${lane}`, "slope"))};`)}
`;
}

export const preluTermsParams = paramBlock({ size: "u32" });

export function preluTerms(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${preluTermsParams.wgsl}
${storage(read("dy", type), read("x", type), write("terms", type))}
${flatMain(`  let g = dy[i];\n  let v = x[i];\n  terms[i] = ${eachLane(four, (lane) => preluTermOf(`g${lane}`, `v${lane}`))};`)}
`;
}
