import { normalTail } from "./math.ts";
import { wgsl } from "./wgsl.ts";

/** The standard normal distribution for users' own functions; its tail has a name of its own, since GELU brings one too. */
export const normalCdf = wgsl`
${normalTail.replace("normalTail", "normalTailOf")}
fn normalCdf(x: f32) -> f32 {
  let a = min(abs(x), 20.0);
  let tail = normalTailOf(a, exp(-0.5 * a * a));
  return select(tail, 1.0 - tail, x >= 0.0);
}
fn normalPdf(x: f32) -> f32 {
  let a = min(abs(x), 20.0);
  return 0.39894228 * exp(-0.5 * a * a);
}
`;
