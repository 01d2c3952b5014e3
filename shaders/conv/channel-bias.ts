import { flatMain, read, rowMain, storage, sumReduce, write } from "../common.ts";
import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/** `start` elements of the value lie before the launch's first. */
export const channelBiasParams = paramBlock({ size: "u32", c: "u32", places: "u32", start: "u32" });

/** y = x + b, the same b for all places of a channel. */
export function addChannelBias(): string {
  return wgsl`
${channelBiasParams.wgsl}
${storage(read("x"), read("b"), write("y"))}
${flatMain("  y[i] = x[i] + b[(params.start + i) / params.places % params.c];")}
`;
}

export const sumChannelsParams = paramBlock({ rows: "u32", n: "u32", places: "u32" });
export const SUM_CHANNELS_WORKGROUP = 64;

/** db [rows] = sums over images and places, a workgroup a channel. */
export function sumChannels(): string {
  const workgroup = SUM_CHANNELS_WORKGROUP;
  return wgsl`
${sumChannelsParams.wgsl}
${storage(read("dy"), write("db"))}
${sumReduce(workgroup)}
${rowMain(
  wgsl`
  var sum = 0.0;
  for (var image = 0u; image < params.n; image++) {
    let at = (image * params.rows + row) * params.places;
    for (var place = local; place < params.places; place += ${workgroup}u) { sum += dy[at + place]; }
  }
  sum = reduceSum(sum, local);
  if (local == 0u) { db[row] = sum; }
`,
  workgroup,
)}
`;
}

/** `first` planes come before those of the launch, whose window begins `offset` elements before its first. */
export const sumPlanesParams = paramBlock({ size: "u32", places: "u32", first: "u32", offset: "u32" });

/** The sum of each channel's places in each image, an invocation for each. */
export function sumPlanes(): string {
  return wgsl`
${sumPlanesParams.wgsl}
${storage(read("dy"), write("sums"))}
${flatMain(wgsl`
  let at = params.offset + i * params.places;
  var sum = 0.0;
  for (var place = 0u; place < params.places; place++) { sum += dy[at + place]; }
  sums[params.first + i] = sum;
`)}
`;
}
