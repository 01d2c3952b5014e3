import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `size` results; sequences of `steps` steps of `width` values, or fours of values where they are taken as such. */
export const stepsParams = paramBlock({ size: "u32", steps: "u32", width: "u32", reverse: "u32" });

const typeOf = (four: boolean) => (four ? "vec4<f32>" : "f32");

const head = (lengths: boolean, four: boolean, x: string, y: string): string => wgsl`
${stepsParams.wgsl}
${storage(read(x, typeOf(four)), ...(lengths ? [read("lengths", "i32")] : []), write(y, typeOf(four)))}
`;

/** Steps of a row that count. */
export const countOf = (lengths: boolean): string =>
  lengths ? "u32(clamp(lengths[row], 0, i32(params.steps)))" : "params.steps";

/** What lay a step before, 0 at the first; from behind where the recurrence goes back. */
export function previousSteps(four: boolean): string {
  return wgsl`
${head(false, four, "x", "y")}
${flatMain(wgsl`
  let t = i / params.width % params.steps;
  let back = params.reverse == 1u;
  let edge = t == select(0u, params.steps - 1u, back);
  let at = select(select(i - params.width, i + params.width, back), i, edge);
  y[i] = select(x[at], ${typeOf(four)}(), edge);
`)}
`;
}

const stepsOf = "let row = i / params.width; let j = i % params.width;";
const cellOf =
  "let row = i / (params.width * params.steps); let t = i / params.width % params.steps; let j = i % params.width;";

/** Each row's last step that counts; 0 where none does. */
export function lastStep(lengths: boolean, four: boolean): string {
  return wgsl`
${head(lengths, four, "x", "y")}
${flatMain(wgsl`
  ${stepsOf}
  let count = ${countOf(lengths)};
  let t = max(count, 1u) - 1u;
  y[i] = select(${typeOf(four)}(), x[(row * params.steps + t) * params.width + j], count > 0u);
`)}
`;
}

export function lastStepGradient(lengths: boolean, four: boolean): string {
  return wgsl`
${head(lengths, four, "dy", "dx")}
${flatMain(wgsl`
  ${cellOf}
  dx[i] = select(${typeOf(four)}(), dy[row * params.width + j], t + 1u == ${countOf(lengths)});
`)}
`;
}

/** The mean of each row's steps that count; 0 where none does. */
export function meanSteps(lengths: boolean, four: boolean): string {
  return wgsl`
${head(lengths, four, "x", "y")}
${flatMain(wgsl`
  ${stepsOf}
  let count = ${countOf(lengths)};
  var sum = ${typeOf(four)}();
  for (var t = 0u; t < count; t++) { sum += x[(row * params.steps + t) * params.width + j]; }
  y[i] = sum / f32(max(count, 1u));
`)}
`;
}

export function meanStepsGradient(lengths: boolean, four: boolean): string {
  return wgsl`
${head(lengths, four, "dy", "dx")}
${flatMain(wgsl`
  ${cellOf}
  let count = ${countOf(lengths)};
  dx[i] = select(${typeOf(four)}(), dy[row * params.width + j] / f32(max(count, 1u)), t < count);
`)}
`;
}
