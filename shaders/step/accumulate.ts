import { type Element, element, flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

export const combineParams = paramBlock({ size: "u32", alpha: "f32", beta: "f32" });
export const combineOf = (a: string, b: string): string => `params.alpha * ${a} + params.beta * ${b}`;

/** y = alpha a + beta b, an element an invocation, or `four` (params.size counts those). */
export function combine(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${combineParams.wgsl}
${storage(read("a", type), read("b", type), write("y", type))}
${flatMain(`  y[i] = ${combineOf("a[i]", "b[i]")};`)}
`;
}

/** Part `part` of `parts` of a step, each of `batch` rows. */
export const partCursorParams = paramBlock({ size: "u32", part: "u32", parts: "u32", batch: "u32" });
export const partCursorStep = (cursor: Element, y: Element): string => `
  ${y(0)} = ${cursor(0)} * params.parts + params.part;
  ${y(1)} = ${cursor(1)};
  ${y(2)} = ${cursor(2)} + params.part * params.batch;
  ${y(3)} = ${cursor(3)};
`;

/** y [4]: the cursor of a part, as if every part were a step of its own. */
export function partCursor(): string {
  return wgsl`
${partCursorParams.wgsl}
${storage(read("cursor", "u32"), write("y", "u32"))}
${flatMain(partCursorStep(element("cursor"), element("y")))}
`;
}
