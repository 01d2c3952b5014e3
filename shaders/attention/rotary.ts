import { flatMain, flatType, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * `turned`: elements of a step that are rotated, from its first on; all count elements, or fours where a kernel takes those.
 * `sign`: 1, or -1 to turn back.
 */
export const rotaryParams = paramBlock({
  size: "u32",
  width: "u32",
  turned: "u32",
  d: "u32",
  t: "u32",
  sign: "f32",
});

/**
 * y from x [n, t, width]: pairs of each head are turned by the angles of the step, whose cosines and sines are in `table`. An
 * element an invocation, or `four` neighbours of one half of a head.
 */
export function rotary(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${rotaryParams.wgsl}
${storage(read("x", type), read("table", type), write("y", type))}
${flatMain(wgsl`
  let c = i % params.width;
  let e = c % params.d;
  let half = params.d / 2u;
  let second = e >= half;
  let pair = select(e, e - half, second);
  let row = ((i / params.width) % params.t) * params.d;
  let other = x[select(i, select(i + half, i - half, second), c < params.turned)];
  let s = table[row + half + pair] * select(-params.sign, params.sign, second);
  y[i] = select(x[i], fma(other, s, x[i] * table[row + pair]), c < params.turned);
`)}
`;
}
