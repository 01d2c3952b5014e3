import { finiteTests, flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `alpha` is the op's one number (slope, exponent scale), where it has one. */
export const elementwiseParams = paramBlock({ size: "u32", alpha: "f32" });

/** `fn activation(x, alpha)`: NaN passes through, whatever the compiler makes of comparisons with it. */
export function activationFunction(expression: string, name = "activation"): string {
  return wgsl`
fn ${name}(x: f32, alpha: f32) -> f32 {
  return select(${expression}, x, isNan(x));
}
`;
}

/** y = activation(x) */
export function elementwiseForward(includes: readonly string[], expression: string): string {
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("x"), write("y"))}
${finiteTests}
${includes.join("")}
${activationFunction(expression)}
${flatMain("  y[i] = activation(x[i], params.alpha);")}
`;
}

/** `fn derivative(v, alpha)`: v is the activation's input or its output, as the expression wants. */
export function derivativeFunction(expression: string, variable: "x" | "y", name = "derivative"): string {
  return wgsl`
fn ${name}(${variable}: f32, alpha: f32) -> f32 {
  return select(${expression}, ${variable}, isNan(${variable}));
}
`;
}

/** dx = dy f'(v) */
export function elementwiseGradient(includes: readonly string[], expression: string, variable: "x" | "y"): string {
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("dy"), read("v"), write("dx"))}
${finiteTests}
${includes.join("")}
${derivativeFunction(expression, variable)}
${flatMain("  dx[i] = dy[i] * derivative(v[i], params.alpha);")}
`;
}
