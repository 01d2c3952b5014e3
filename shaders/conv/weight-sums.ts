import { flatMain, read, storage, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";
import { convParams } from "./common.ts";

/** What the kernels of a gradient of w share: a sum over images in slices, and beside it that of each channel. */

/** How a kernel is launched: with the sums of channels or without, with what its quads share, in how many invocations. */
export interface WeightLaunch {
  readonly sums: boolean;
  readonly shared: boolean;
  readonly invocations: number;
  /** What the text begins with, and the parameters of `main` beside the workgroup's: those of an invocation's number by default. */
  readonly head?: string;
  readonly builtins?: string;
}

const LANE = "@builtin(local_invocation_index) lane: u32";

/**
 * The kernel around `body`, which has `tile` and `slice`, whose lines end before `lineEnd`. With `sums` workgroups behind the
 * last tile add up channels of dy.
 */
export function weightMain(
  { sums, shared, invocations, head = "", builtins = LANE }: WeightLaunch,
  body: string,
  memory = "",
): string {
  return wgsl`
#if ${shared}
enable subgroups;
#endif
${head}
${convParams.wgsl}
${storage(read("x"), read("dy"), write("dw"), ...(sums ? [write("db")] : []))}
${sums ? channelSum : ""}
${memory}
@compute @workgroup_size(${invocations})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if ${shared}
        @builtin(subgroup_invocation_id) inSubgroup: u32,
#endif
        ${builtins}) {
  let tile = group.y * groups.x + group.x;
  let slice = group.z % params.slices;
  let lineEnd = min(params.n * params.yRows, (slice + 1u) * params.sliceLines);
#if ${sums}
  if (tile >= params.tiles) {
    if (group.z < params.slices) { channelSum((tile - params.tiles) * ${invocations}u + lane, slice, lineEnd); }
    return;
  }
#else
  if (tile >= params.tiles) { return; }
#endif
${body}
}
`;
}

/** The sum of a channel of dy over the lines of a slice. */
const channelSum = wgsl`
fn channelSum(channel: u32, slice: u32, lineEnd: u32) {
  if (channel >= params.out) { return; }
  let yPlane = params.yRows * params.yColumns;
  var sum = 0.0;
  for (var line = slice * params.sliceLines; line < lineEnd; line++) {
    let image = line / params.yRows;
    let at = params.yOffset + (image * params.out + channel) * yPlane + (line - image * params.yRows) * params.yColumns;
    for (var yc = 0u; yc < params.yColumns; yc++) { sum += dy[at + yc]; }
  }
  db[(params.sliceFirst + slice) * params.out + channel] = sum;
}
`;

export const sumSlicesParams = paramBlock({ size: "u32", weights: "u32", slices: "u32" });

/** dw, and with `sums` db behind it, from those of all slices. `size` counts both. */
export function sumSlices(sums: boolean): string {
  const add = (from: string, to: string, count: string, i: string): string => wgsl`
    var sum = 0.0;
    for (var s = 0u; s < params.slices; s++) { sum += ${from}[s * ${count} + ${i}]; }
    ${to}[${i}] = sum;
`;
  const [weights, channels] = ["params.weights", "(params.size - params.weights)"];
  return wgsl`
${sumSlicesParams.wgsl}
${storage(read("parts"), ...(sums ? [read("partSums")] : []), write("dw"), ...(sums ? [write("db")] : []))}
${flatMain(
  sums
    ? wgsl`
  if (i < params.weights) {
${add("parts", "dw", weights, "i")}
  } else {
    let channel = i - params.weights;
${add("partSums", "db", channels, "channel")}
  }
`
    : add("parts", "dw", weights, "i"),
)}
`;
}
