import { sumPlanes, sumPlanesParams } from "../../../shaders/conv/channel-bias.ts";
import { sumColumnsAlone, sumColumnsParams } from "../../../shaders/reduce.ts";
import type { Binding, DeviceCaps, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, inFours, scratch } from "../shared/dispatch-plan.ts";
import { type ImageChunk, windowed } from "./images.ts";

/** Images, channels, and places of a channel, of a value [n, c, ...]. */
export interface Channels {
  readonly n: number;
  readonly c: number;
  readonly places: number;
}

/** Places that are added one by one: fewer are less than what is read ahead. */
const FEW_PLACES = 16;

/** The sum of each channel in each image, an invocation for each; then of each channel's sums. Chunks are of y. */
export function channelSumsPlan(
  { n, c, places: elements }: Channels,
  chunks: readonly ImageChunk[],
  from: Binding,
  to: Binding,
  caps: DeviceCaps,
): KernelPlan {
  const [four, places] = elements < FEW_PLACES ? [false, elements] : inFours(elements);
  const launches = chunks.map((chunk): Launch => {
    const { first, count, y } = chunk;
    const params = sumPlanesParams.pack({
      size: count * c,
      places,
      first: first * c,
      offset: four ? y.rest / 4 : y.rest,
    });
    return flatLaunch(sumPlanes(four), params, [windowed(from, y, chunk), scratch(0, "read_write")], count * c, caps);
  });
  const params = sumColumnsParams.pack({ size: c, M: n });
  launches.push(flatLaunch(sumColumnsAlone(), params, [scratch(0, "read"), to], c, caps));
  return { launches, scratch: [{ shape: [n, c], dtype: "f32" }] };
}
