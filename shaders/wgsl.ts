import { wgsl as preprocess } from "wgsl-preprocessor/wgsl-preprocessor.js";

/**
 * The tag that all shader text goes through: `#if ${condition}`, `#else`, `#endif` and substitution.
 * The library pastes undefined and NaN as text and takes any object for true; here they are errors. Lines that a
 * condition leaves empty go: people read the result.
 */
export function wgsl(strings: TemplateStringsArray, ...values: readonly (string | number | boolean)[]): string {
  for (const value of values) {
    const type = typeof value;
    const fine = type === "string" || type === "boolean" || (type === "number" && Number.isFinite(value));
    if (!fine) throw new TypeError(`a shader cannot contain ${String(value)}`);
  }
  return preprocess(strings, ...values).replace(/\n\s*\n/g, "\n");
}

/** 0 to n - 1: of what is written out n times. */
export const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

/** The name of component i of a vec4. */
export const lane = (i: number): string => "xyzw"[i]!;
