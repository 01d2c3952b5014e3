import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** Elements from `start` on of a value whose channels, `c` of them in turn, have `places` elements each. */
export const preluParams = paramBlock({ size: "u32", start: "u32", c: "u32", places: "u32" });

export const preluOf = (x: string, slope: string): string => `select(${slope} * ${x}, ${x}, ${x} > 0.0)`;
export const preluGradientOf = (dy: string, x: string, slope: string): string =>
  `${dy} * select(${slope}, 1.0, ${x} > 0.0)`;
/** What an element adds to the gradient of its channel's slope. */
export const preluTermOf = (dy: string, x: string): string => `${dy} * select(${x}, 0.0, ${x} > 0.0)`;

const slope = "slopes[((params.start + i) / params.places) % params.c]";

export function prelu(): string {
  return wgsl`
${preluParams.wgsl}
${storage(read("x"), read("slopes"), write("y"))}
${flatMain(`  y[i] = ${preluOf("x[i]", slope)};`)}
`;
}

export function preluGradient(): string {
  return wgsl`
${preluParams.wgsl}
${storage(read("dy"), read("x"), read("slopes"), write("dx"))}
${flatMain(`  dx[i] = ${preluGradientOf("dy[i]", "x[i]", slope)};`)}
`;
}

export const preluTermsParams = paramBlock({ size: "u32" });

export function preluTerms(): string {
  return wgsl`
${preluTermsParams.wgsl}
${storage(read("dy"), read("x"), write("terms"))}
${flatMain(`  terms[i] = ${preluTermOf("dy[i]", "x[i]")};`)}
`;
}
