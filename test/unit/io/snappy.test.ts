import { readFileSync } from "node:fs";
import fc from "fast-check";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import { describe, expect, it } from "vitest";
import { readParquet } from "../../../src/io/parquet/read.ts";
import { unpackSnappy } from "../../../src/io/parquet/snappy.ts";
import { processorMs } from "./fuzz.ts";

const unpacked = (size: number, ...bytes: number[]): number[] | null => {
  const out = unpackSnappy(Uint8Array.from([size, ...bytes]), size);
  return out && [...out];
};

describe("Snappy", () => {
  it("gives back what another's writer made smaller", () => {
    const repeating = fc.array(fc.nat(3), { maxLength: 2000 });
    const long = fc.tuple(fc.nat(255), fc.integer({ min: 60, max: 5000 })).map(([byte, n]) => Array(n).fill(byte));
    fc.assert(
      fc.property(fc.oneof(repeating, long, fc.array(fc.nat(255), { maxLength: 300 })), (bytes) => {
        const packed = snappyCompress(Uint8Array.from(bytes));
        expect(Buffer.from(bytes).equals(unpackSnappy(packed, bytes.length)!)).toBe(true);
        expect(unpackSnappy(packed, bytes.length + 1)).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  it.each<[string, number[], number[] | null]>([
    ["a literal", [2 << 2, 7, 8, 9], [7, 8, 9]],
    ["a literal whose length stands behind it", [60 << 2, 2, 7, 8, 9], [7, 8, 9]],
    ["in four bytes", [63 << 2, 2, 0, 0, 0, 7, 8, 9], [7, 8, 9]],
    ["a copy of what is not out yet", [0, 5, 0b001_000_01, 0], null],
    ["a copy of itself, by one byte", [0, 5, 0b000_000_01, 1], [5, 5, 5, 5, 5]],
    ["by two", [1 << 2, 5, 6, (2 << 2) | 2, 2, 0], [5, 6, 5, 6, 5]],
    ["by four", [1 << 2, 5, 6, (0 << 2) | 3, 1, 0, 0, 0], [5, 6, 6]],
    ["a literal that ends early", [2 << 2, 7, 8], null],
    ["a length that ends early", [63 << 2, 2, 0], null],
    ["a length that is below 0 as a number with a sign", [63 << 2, 0, 0, 0, 255, 7, 8, 9], null],
    ["another, over which hyparquet's own goes round and round", [0xfc, 0xfc, 0, 0, 255, 255, 0, 0, 0, 0], null],
    ["a distance that is, too", [0, 5, (3 << 2) | 3, 255, 255, 255, 255], null],
    ["a distance of nothing", [0, 5, (3 << 2) | 2, 0, 0], null],
    ["a distance that ends early", [0, 5, (3 << 2) | 2, 1], null],
    ["more than is said", [3 << 2, 7, 8, 9, 10], null],
  ])("%s", (_, bytes, wanted) => {
    const size = wanted?.length ?? 3;
    expect(unpacked(size, ...bytes)).toEqual(wanted);
  });

  it("of a file with one wrong byte, a length of minus half a billion, is refused at once", async () => {
    const bytes = new Uint8Array(readFileSync(new URL("../../fixtures/parquet/snappy.parquet", import.meta.url)));
    bytes[290] = 0xfc;
    const start = processorMs();
    await expect(readParquet("f", bytes)).rejects.toThrow('column "f32": a page does not decompress to the 160 bytes');
    expect(processorMs() - start).toBeLessThan(500);
  });
});
