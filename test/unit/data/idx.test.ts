import { describe, expect, it } from "vitest";
import { pairIdx, readIdx } from "../../../src/data/idx.ts";

function idx(type: number, shape: readonly number[], values: readonly number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, type);
  header.setUint8(3, shape.length);
  shape.forEach((d, axis) => {
    header.setUint32(4 + 4 * axis, d);
  });
  return Uint8Array.of(...new Uint8Array(header.buffer), ...values);
}

const images = idx(8, [2, 2, 3], [0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6]);
const labels = idx(8, [2], [7, 3]);

describe("readIdx", () => {
  it("reads every element type, big-endian", () => {
    expect(readIdx("f", idx(0x08, [2], [0, 255]))).toEqual({ shape: [2], dtype: "i32", data: Int32Array.of(0, 255) });
    expect([...readIdx("f", idx(0x09, [1], [0xff])).data]).toEqual([-1]);
    expect([...readIdx("f", idx(0x0b, [1], [0xff, 0xfe])).data]).toEqual([-2]);
    expect([...readIdx("f", idx(0x0c, [1], [0, 1, 0, 2])).data]).toEqual([65538]);
    expect(readIdx("f", idx(0x0d, [1], [0x3f, 0x80, 0, 0]))).toMatchObject({ dtype: "f32", data: Float32Array.of(1) });
    expect(readIdx("f", idx(0x0e, [1], [0xbf, 0xf0, 0, 0, 0, 0, 0, 0]))).toMatchObject({ data: Float64Array.of(-1) });
  });

  it("reads from the middle of a larger buffer", () => {
    const padded = Uint8Array.of(9, 9, 9, ...labels, 9);
    expect([...readIdx("f", padded.subarray(3, 3 + labels.length)).data]).toEqual([7, 3]);
  });

  it("refuses what is no IDX file, is cut short, or too long", () => {
    expect(() => readIdx("f", new Uint8Array(0))).toThrow("f: not an IDX file");
    expect(() => readIdx("f", new TextEncoder().encode("<!doctype html>"))).toThrow("f: not an IDX file");
    expect(() => readIdx("f", idx(0x0a, [1], [0]))).toThrow("IDX element type 0x0a does not exist");
    expect(() => readIdx("f", idx(8, [], []))).toThrow("1 to 8 dimensions here, this one 0");
    expect(() => readIdx("f", idx(8, [1, 1, 1, 1, 1, 1, 1, 1, 1], [0]))).toThrow("this one 9");
    expect(() => readIdx("f", labels.subarray(0, 6))).toThrow("the header needs 8 bytes, the file has 6");
    expect(() => readIdx("f", labels.subarray(0, 9))).toThrow("[2] needs 10 bytes, the file has 9");
    expect(() => readIdx("f", Uint8Array.of(...labels, 0))).toThrow("1 bytes follow the 2 values of [2]");
  });

  it("refuses sizes of 2^256 elements without allocating them", () => {
    const sizes = new Array<number>(8).fill(0xffffffff);
    expect(() => readIdx("f", idx(0x0e, sizes, [1, 2, 3]))).toThrow("cut short");
  });
});

describe("pairIdx", () => {
  it("scales pixels, flattens images and keeps labels", () => {
    const data = pairIdx(images, labels, { name: "pair" });
    expect(data.x.shape).toEqual([2, 6]);
    expect([...data.x.data.subarray(0, 6)]).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1].map(Math.fround));
    expect(data.y).toEqual({ shape: [2], dtype: "i32", data: Int32Array.of(7, 3) });
    expect(data.image).toEqual({ height: 2, width: 3 });
  });

  it("leaves numbers of other types as they are, unless a scale is given; labels may be values", () => {
    const halves = idx(0x0d, [2, 1], [0x3f, 0, 0, 0, 0xbf, 0x80, 0, 0]);
    const plain = pairIdx(halves, halves, { name: "pair" });
    expect([[...plain.x.data], plain.pixelScale]).toEqual([[0.5, -1], undefined]);
    expect(plain.y).toEqual({ shape: [2, 1], dtype: "f32", data: Float32Array.of(0.5, -1) });
    expect([...pairIdx(halves, labels, { name: "pair", scale: 2 }).x.data]).toEqual([0.25, -0.5]);
    const words = pairIdx(idx(0x0b, [2, 1], [1, 0, 0xff, 0xfe]), idx(8, [2, 1], [7, 3]), { name: "pair" });
    expect([[...words.x.data], words.y.shape]).toEqual([[256, -2], [2]]);
  });

  it("refuses files that do not belong together", () => {
    expect(() => pairIdx(images, idx(8, [3], [1, 2, 3]), { name: "pair" })).toThrow("x has 2 rows and y has 3");
    expect(() => pairIdx(labels, images, { name: "pair" })).toThrow("seem to be swapped");
    expect(() => pairIdx(images, images, { name: "pair" })).toThrow("pair labels: expected integers [n]");
    expect(() => pairIdx(images, labels, { name: "pair", classes: ["a", "b"] })).toThrow(
      "y at row 0, column 0: the label 7 is outside the 2 classes",
    );
    expect(() => pairIdx(idx(8, [0, 2, 3], []), idx(8, [0], []), { name: "pair" })).toThrow("x is empty");
  });
});
