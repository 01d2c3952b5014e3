import { eachLane, finiteTests, flatMain, flatType, read, storage, write } from "../common.ts";
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

/** y = activation(x), an element an invocation, or `four` (params.size counts those). */
export function elementwiseForward(includes: readonly string[], expression: string, four: boolean): string {
  const type = flatType(four);
  const body = `  let v = x[i];\n  y[i] = ${eachLane(four, (lane) => `activation(v${lane}, params.alpha)`)};`;
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("x", type), write("y", type))}
${finiteTests}
${includes.join("")}
${activationFunction(expression)}
${flatMain(body)}
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

/** dx = dy f'(v), an element an invocation, or `four`. */
export function elementwiseGradient(
  includes: readonly string[],
  expression: string,
  variable: "x" | "y",
  four: boolean,
): string {
  const type = flatType(four);
  const body = `  let at = v[i];\n  dx[i] = dy[i] * ${eachLane(four, (lane) => `derivative(at${lane}, params.alpha)`)};`;
  return wgsl`
${elementwiseParams.wgsl}
${storage(read("dy", type), read("v", type), write("dx", type))}
${finiteTests}
${includes.join("")}
${derivativeFunction(expression, variable)}
${flatMain(body)}
`;
}
