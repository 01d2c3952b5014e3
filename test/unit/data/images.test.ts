import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { loadImageFolder } from "../../../src/io/dataset/images/folder.ts";
import { decodeImage } from "../../../src/io/dataset/images/read.ts";
import { resized } from "../../../src/io/dataset/images/resize.ts";
import { crc32 } from "../../../src/io/zip/crc32.ts";
import { png } from "../../shared/png.ts";

interface ImageCase {
  readonly name: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: readonly number[];
}
const { cases, refused, resizes } = JSON.parse(
  readFileSync(new URL("../../fixtures/images/images.json", import.meta.url), "utf8"),
) as {
  readonly cases: readonly ImageCase[];
  readonly refused: readonly (ImageCase & { readonly message: string })[];
  readonly resizes: readonly Pick<ImageCase, "width" | "height" | "pixels">[];
};
const bytesOf = (c: { readonly file: string }): Uint8Array => new Uint8Array(Buffer.from(c.file, "base64"));

/** A JPEG whose header tells of other sides. */
function ofSides(jpeg: Uint8Array, side: number): Uint8Array {
  const out = Uint8Array.from(jpeg);
  const at = out.findIndex((b, i) => b === 0xff && out[i + 1] === 0xc0);
  for (const k of [5, 7]) new DataView(out.buffer).setUint16(at + k, side);
  return out;
}

/** A PNG of raw filtered rows. */
function rawPng(width: number, height: number, depth: number, colour: number, interlace: number, raw: Uint8Array) {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour, 0, 0, interlace], 8);
  const parts = [chunk("IHDR", head), chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]));
}

describe("images as Pillow decodes them", () => {
  test.each(cases)("$name", async (c) => {
    const image = await decodeImage("a.png", bytesOf(c));
    expect(image).toMatchObject({ width: c.width, height: c.height, channels: c.channels });
    // JPEG's decoders round differently, and put colours at half the places back in ways of their own.
    const most = c.name.startsWith("PNG") ? 0 : c.name.includes("half") ? 24 : 3;
    const off = c.pixels.map((v, i) => Math.abs(v - image.data[i]! * 255));
    expect(Math.max(...off)).toBeLessThanOrEqual(most + 1e-4);
  });

  test.each(refused)("refuses a $name", async (c) => {
    await expect(decodeImage("odd.png", bytesOf(c))).rejects.toThrow(c.message);
  });

  test.each(resizes)("at $width x $height", async ({ width, height, pixels }) => {
    const image = await decodeImage("a.png", bytesOf(cases.find((c) => c.name === "PNG of RGB")!));
    const { data } = resized(image, width, height);
    expect(Math.max(...pixels.map((v, i) => Math.abs(v - data[i]! * 255)))).toBeLessThan(1.01);
  });

  test("PNG of 16 bits, and interlaced", async () => {
    const deep = await decodeImage("a.png", rawPng(2, 1, 16, 0, 0, Uint8Array.from([0, 255, 255, 1, 0])));
    expect([...deep.data]).toEqual([1, Math.fround(256 / 65535)]);
    // 3 x 3 by Adam7: of its seven passes those of these places, in this order.
    const order = [
      [[0, 0]],
      [[2, 0]],
      [
        [0, 2],
        [2, 2],
      ],
      [[1, 0]],
      [[1, 2]],
    ];
    const rows = [
      [0, 0],
      [0, 20],
      [0, 2, 22],
      [0, 10],
      [0, 12],
      [0, 1, 11, 21],
    ];
    expect(order.flat()).toHaveLength(6);
    const woven = await decodeImage("a.png", rawPng(3, 3, 8, 0, 1, Uint8Array.from(rows.flat())));
    expect([...woven.data].map((v) => Math.round(v * 255))).toEqual([0, 10, 20, 1, 11, 21, 2, 12, 22]);
  });

  test("damage, length and size are told by the file's name before anything is decoded", async () => {
    const good = png(3, 2, () => [1, 2, 3]);
    const jpeg = bytesOf(cases.find((c) => c.name === "JPEG, baseline")!);
    const wrong: readonly (readonly [Uint8Array, RegExp])[] = [
      [new Uint8Array(0), /x: an empty file/],
      [Uint8Array.from([1, 2, 3]), /x: neither a PNG nor a JPEG/],
      [good.subarray(0, 40), /x: a PNG file that is cut short/],
      [Buffer.from(good).fill(7, 45, 46), /x: its chunk "IDAT" is damaged/],
      [png(3, 2, () => [1, 2, 3], [70000, 70000]), /x: 70000 x 70000 pixels, more than/],
      [png(3, 2, () => [1, 2, 3], [4, 2]), /x: its data does not hold 4 x 2 pixels/],
      [rawPng(1, 1, 8, 0, 0, Uint8Array.from([9, 0])), /x: its rows have the filter 9/],
      [rawPng(1, 1, 4, 2, 0, Uint8Array.from([0, 0])), /x: colour type 2 of 4 bits/],
      [jpeg.subarray(0, 100), /x: a JPEG file that is cut short/],
      [ofSides(jpeg, 8000), /x: its \d+ bytes cannot hold 8000 x 8000 pixels/],
    ];
    for (const [bytes, message] of wrong)
      await expect(decodeImage("x", new Uint8Array(bytes))).rejects.toThrow(message);
    // Whatever is cut off or changed: an image or an error of ours, never another.
    for (let at = 0; at < jpeg.length; at += 7) {
      const broken = Uint8Array.from(jpeg);
      broken[at] = broken[at]! ^ 0x55;
      const result = await decodeImage("x", broken).catch((error) => error);
      expect(result.code ?? "data").toBe("data");
    }
  });
});

describe("folders of images", () => {
  const grey = (value: number, width = 2, height = 2): Uint8Array =>
    new Uint8Array(png(width, height, () => [value, value, value]));
  const load = (files: Readonly<Record<string, Uint8Array>>, more: object = {}) =>
    loadImageFolder("pets", Object.keys(files), {
      ...{ read: async (path: string) => files[path]!, input: [1, 2, 2], ...more },
    });

  test("one folder a class, in the order of their names", async () => {
    const files = { "dog/1.png": grey(51), "cat/2.PNG": grey(255), "cat/10.png": grey(0), "Thumbs.db": grey(0) };
    const { train, test: held } = await load({ ...files, "cat/notes.txt": grey(1) });
    expect(train).toMatchObject({ classes: ["cat", "dog"], shape: [1, 2, 2], image: { height: 2, width: 2 } });
    expect([...train.y.data]).toEqual([0, 0, 1]);
    expect([...train.x.data].filter((_, i) => i % 4 === 0)).toEqual([0, 1, 0.2].map(Math.fround));
    expect(held).toBeNull();
    const colour = (await load(files, { input: [3, 2, 2] })).train;
    expect(colour.shape).toEqual([3, 2, 2]);
    const larger = (await load(files, { input: [1, 4, 3], size: [4, 3] })).train;
    expect(larger).toMatchObject({ shape: [1, 4, 3], imageSize: [4, 3] });
  });

  test("train, val and test", async () => {
    const files = {
      "train/a/1.png": grey(1),
      "train/b/1.png": grey(2),
      "test/b/2.png": grey(3),
      "val/a/x.png": grey(4),
    };
    const { train, validation, test: held } = await load(files);
    expect([train, validation!, held!].map((part) => [...part.y.data])).toEqual([[0, 1], [0], [1]]);
  });

  test.each<[string, Record<string, Uint8Array>, RegExp]>([
    ["nothing", {}, /pets: holds no PNG or JPEG files/],
    ["an image of no class", { "a/1.png": grey(1), "2.png": grey(1) }, /2.png lies in no folder of a class/],
    ["one class", { "a/1.png": grey(1) }, /holds one class, "a": [^;]*$/],
    [
      "classes further in",
      { "set/a/1.png": grey(1), "set/b/1.png": grey(2) },
      /class, "set": .* if its classes are the folders in "set"/,
    ],
    [
      "an odd size",
      { "a/1.png": grey(1), "b/2.png": grey(1, 3) },
      /b\/2.png has 3 x 2 pixels, a\/1.png 2 x 2; --image-size 2/,
    ],
    [
      "a class of test rows alone",
      { "train/a/1.png": grey(1), "train/b/1.png": grey(1), "test/c/1.png": grey(1) },
      /"c"/,
    ],
    ["a folder beside train", { "train/a/1.png": grey(1), "more/b/1.png": grey(1) }, /"more" beside train/],
    ["a broken file", { "a/1.png": grey(1).subarray(0, 50), "b/2.png": grey(1) }, /a\/1.png: a PNG file that is cut/],
  ])("refuses %s", async (_what, files, message) => {
    await expect(load(files)).rejects.toThrow(message);
  });
});
