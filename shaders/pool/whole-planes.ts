import { flatMain, read, storage, totalOf, write } from "../common.ts";
import { wgsl } from "../wgsl.ts";
import { poolParams } from "./common.ts";

/*
 * Means of whole planes of `columns` places, four or more, which all together are whole fours though a plane is none, as one
 * of 7 by 7 is. A four at a plane's edge is its neighbour's too.
 */

const fourOf = (four: string): string => `4u * ${four} + vec4<u32>(0u, 1u, 2u, 3u)`;

/** y, an invocation a plane. */
export function avgPoolPlanes(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("x", "vec4<f32>"), write("y"))}
${flatMain(wgsl`
  let begin = i * params.columns;
  let end = begin + params.columns;
  let behind = (end + 3u) / 4u;
  var sum = vec4<f32>();
  for (var q = begin / 4u; q < behind; q++) {
    let at = ${fourOf("q")};
    sum += select(vec4<f32>(), x[q], (at >= vec4<u32>(begin)) & (at < vec4<u32>(end)));
  }
  y[i] = (${totalOf(true, "sum")}) / f32(params.columns);
`)}
`;
}

/** dx, an invocation a four. */
export function avgPoolGradientPlanes(): string {
  return wgsl`
${poolParams.wgsl}
${storage(read("dy"), write("dx", "vec4<f32>"))}
${flatMain(wgsl`
  let plane = 4u * i / params.columns;
  let end = (plane + 1u) * params.columns;
  let next = min(plane + 1u, 4u * params.size / params.columns - 1u);
  let share = vec2<f32>(dy[plane], dy[next]) / f32(params.columns);
  dx[i] = select(share.xxxx, share.yyyy, ${fourOf("i")} >= vec4<u32>(end));
`)}
`;
}
