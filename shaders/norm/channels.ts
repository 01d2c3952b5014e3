import { paramBlock } from "../params.ts";
import { wgsl } from "../wgsl.ts";

/**
 * Loops over the elements of one channel of x [n, channels, ...places]: stretches of `places` elements, one an image.
 * `step` and `stepPlace` are how far the next element of an invocation lies in x and in its stretch, `wrap` what is
 * jumped over where a stretch ends; so no element takes a division. Where stretches are whole fours all may count those.
 */
export const channelFields = {
  channels: "u32",
  places: "u32",
  count: "u32",
  step: "u32",
  stepPlace: "u32",
  wrap: "u32",
} as const;

/** For a workgroup a channel. */
export const channelParams = paramBlock({ rows: "u32", ...channelFields, last: "u32", extra: "f32" });

/** Elements of a channel as a number, from `count`, which counts those or fours. */
export const countOf = (count: string, four: boolean): string => `f32(${count}${four ? " * 4u" : ""})`;

/** The fields for a stride between the elements of an invocation. */
export function channelNumbers(
  n: number,
  channels: number,
  places: number,
  stride: number,
): { readonly [K in keyof typeof channelFields]: number } {
  const images = Math.floor(stride / places);
  return {
    channels,
    places,
    count: n * places,
    step: images * channels * places + (stride % places),
    stepPlace: stride % places,
    wrap: (channels - 1) * places,
  };
}

/**
 * `body` for the channel's elements `from`, `from + stride` and so on below `to`, with `at` their place in x. `channel` is
 * an expression; the stride is that of channelNumbers.
 */
export const eachOfChannel = (channel: string, from: string, to: string, stride: string, body: string): string => wgsl`
  {
    var place = (${from}) % params.places;
    var at = ((${from}) / params.places * params.channels + ${channel}) * params.places + place;
    for (var e = ${from}; e < ${to}; e += ${stride}) {
      ${body}
      place += params.stepPlace;
      at += params.step;
      let over = place >= params.places;
      place -= select(0u, params.places, over);
      at += select(0u, params.wrap, over);
    }
  }
`;

/** The same for a whole channel by planes: an image after the other, where a plane has work for all of `width` invocations. */
export const eachOfPlanes = (channel: string, width: number, body: string): string => wgsl`
  for (var first = ${channel} * params.places; first < params.last; first += params.channels * params.places) {
    for (var at = first + local; at < first + params.places; at += ${width}u) {
      ${body}
    }
  }
`;
