import { type Shape, sizeOf } from "../../core/ndarray.ts";
import type { NormLayout } from "./norm-layout.ts";

/** A shape [n, channels, ...places] in three numbers. */
export function channelsOf(shape: Shape): { readonly n: number; readonly channels: number; readonly places: number } {
  return { n: shape[0]!, channels: shape[1]!, places: sizeOf(shape.slice(2)) };
}

/** Each channel of x [n, channels, ...places] over all images and places; gamma [channels]. */
export function channelLayout(shape: Shape): NormLayout {
  const { n, channels, places } = channelsOf(shape);
  return {
    groups: channels,
    count: n * places,
    centred: true,
    meanRoundings: 2,
    at: (channel, j) => (Math.floor(j / places) * channels + channel) * places + (j % places),
    scale: (channel) => channel,
  };
}

/** Each of `parts` groups of channels of each image of x [n, channels, ...places]; gamma [channels]. */
export function groupLayout(shape: Shape, parts: number): NormLayout {
  const { n, channels, places } = channelsOf(shape);
  const each = channels / parts;
  return {
    groups: n * parts,
    count: each * places,
    centred: true,
    meanRoundings: 1,
    at: (group, j) => group * each * places + j,
    scale: (group, j) => (group % parts) * each + Math.floor(j / places),
  };
}
