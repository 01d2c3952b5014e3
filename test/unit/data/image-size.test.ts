import { describe, expect, it } from "vitest";
import { imageSize } from "../../../src/data/image-size.ts";
import { png } from "../../shared/png.ts";

const latin = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
const padded = (bytes: readonly number[]): Uint8Array => Uint8Array.from([...bytes, ...new Array<number>(30).fill(0)]);

describe("imageSize", () => {
  it.each<[string, Uint8Array, [number, number]]>([
    ["PNG", png(5, 3, () => [0, 0, 0]), [5, 3]],
    ["GIF", padded([...latin("GIF89a"), 0x2c, 0x01, 7, 0]), [300, 7]],
    [
      "BMP from the top",
      padded([...latin("BM"), ...new Array<number>(12).fill(0), 40, 0, 0, 0, 9, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff]),
      [9, 4],
    ],
    [
      "JPEG behind another segment, with padding",
      padded([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 17, 8, 1, 0, 2, 1]),
      [513, 256],
    ],
    [
      "WebP, lossy",
      padded([...latin("RIFF"), 0, 0, 0, 0, ...latin("WEBPVP8 "), 0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 10, 0, 11, 0]),
      [10, 11],
    ],
    [
      "WebP, lossless",
      padded([...latin("RIFF"), 0, 0, 0, 0, ...latin("WEBPVP8L"), 0, 0, 0, 0, 0x2f, 9, 0xc0, 0, 0]),
      [10, 4],
    ],
    [
      "WebP, extended",
      padded([...latin("RIFF"), 0, 0, 0, 0, ...latin("WEBPVP8X"), 10, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 255, 255, 255]),
      [5, 2 ** 24],
    ],
  ])("reads a %s", (_, bytes, [width, height]) => {
    expect(imageSize(bytes)).toEqual({ width, height });
  });

  it.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["text", new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")],
    ["a PNG without size", png(0, 3, () => [0, 0, 0])],
    ["a PNG cut short", png(5, 3, () => [0, 0, 0]).subarray(0, 23)],
    ["a JPEG without a frame", padded([0xff, 0xd8, 0xff, 0xda, 0, 4, 1, 2])],
    ["a JPEG with a segment of length 0", padded([0xff, 0xd8, 0xff, 0xe0, 0, 0])],
  ])("finds none in %s", (_, bytes) => {
    expect(imageSize(bytes)).toBeNull();
  });
});
