import { finiteTests, flatMain, read, storage, write } from "./common.ts";
import { paramBlock } from "./params.ts";
import { wgsl } from "./wgsl.ts";

/** `alpha` is the op's one number (slope, exponent scale), where it has one. */
export const elementwiseParams = paramBlock({ size: "u32", alpha: "f32" });

/** `fn activation(x)`: NaN passes through, whatever the compiler makes of comparisons with it. */
export function activationFunction(includes: string, expression: string): string {
  return wgsl`
${includes}
fn activation(x: f32) -> f32 {
  if (isNan(x)) { return x; }
  return ${expression};
}
`;
}

/** y = activation(x) */
export function elementwiseForward(includes: string, expression: string): string {
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("x"), write("y"))}
${finiteTests}
${activationFunction(includes, expression)}
${flatMain("  y[i] = activation(x[i]);")}
`;
}

/** `fn derivative(v)`: v is the activation's input or its output, as the expression wants. */
export function derivativeFunction(includes: string, expression: string, variable: "x" | "y"): string {
  return wgsl`
${includes}
fn derivative(${variable}: f32) -> f32 {
  if (isNan(${variable})) { return ${variable}; }
  return ${expression};
}
`;
}

/** dx = dy f'(v) */
export function elementwiseGradient(includes: string, expression: string, variable: "x" | "y"): string {
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("dy"), read("v"), write("dx"))}
${finiteTests}
${derivativeFunction(includes, expression, variable)}
${flatMain("  dx[i] = dy[i] * derivative(v[i]);")}
`;
}
