import { flatMain, flatType, read, rowMain, storage, sumReduce, totalOf, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { addedInTurns } from "../read-ahead.ts";
import { wgsl } from "../wgsl.ts";

/** `start` elements of the value lie before the launch's first. */
export const channelBiasParams = paramBlock({ size: "u32", c: "u32", places: "u32", start: "u32" });

/** y = x + b, the same b for all places of a channel. An element an invocation, or `four` of one channel (params count those). */
export function addChannelBias(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${channelBiasParams.wgsl}
${storage(read("x", type), read("b"), write("y", type))}
${flatMain("  y[i] = x[i] + b[(params.start + i) / params.places % params.c];")}
`;
}

/** `count` elements of a channel in all, and of a slice of it, or fours; workgroups along z have a slice each. */
export const sumChannelsParams = paramBlock({ rows: "u32", count: "u32", places: "u32", slice: "u32" });
export const SUM_CHANNELS_WORKGROUP = 64;

/** db [slices, rows] = sums over images and places, a workgroup for each slice of a channel, whose elements it may take by `four`. */
export function sumChannels(four: boolean): string {
  const type = flatType(four);
  const workgroup = SUM_CHANNELS_WORKGROUP;
  // Element k of a channel lies behind the other channels of as many images as come before it.
  const load = (k: string, t: number): string => `let d${t} = dy[first + ${k} + ${k} / params.places * others];`;
  return wgsl`
${sumChannelsParams.wgsl}
${storage(read("dy", type), write("db"))}
${sumReduce(workgroup)}
${rowMain(
  wgsl`
  let first = row * params.places;
  let others = (params.rows - 1u) * params.places;
  let begin = group.z * params.slice;
  let end = min(params.count, begin + params.slice);
  var own = ${type}();
${addedInTurns({ begin: "begin + local", end: "end", step: workgroup, type, into: "own" }, load, (t) => `d${t}`)}
  let sum = reduceSum(${totalOf(four, "own")}, local);
  if (local == 0u) { db[group.z * params.rows + row] = sum; }
`,
  workgroup,
)}
`;
}

/** With fours `places` and `offset` count those. `first` planes come before those of the launch, whose window begins `offset` elements before its first. */
export const sumPlanesParams = paramBlock({ size: "u32", places: "u32", first: "u32", offset: "u32" });

/** The sum of each channel's places in each image, an invocation for each. */
export function sumPlanes(four: boolean): string {
  const type = flatType(four);
  return wgsl`
${sumPlanesParams.wgsl}
${storage(read("dy", type), write("sums"))}
${flatMain(wgsl`
  let at = params.offset + i * params.places;
  var sum = ${type}();
${addedInTurns(
  { begin: "0u", end: "params.places", step: 1, type },
  (k, t) => `let d${t} = dy[at + ${k}];`,
  (t) => `d${t}`,
)}
  sums[params.first + i] = ${totalOf(four, "sum")};
`)}
`;
}
