import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import type { ChainruleError } from "../../../src/core/errors.ts";
import { readParquet } from "../../../src/io/parquet/read.ts";
import { skipStruct } from "../../../src/io/parquet/thrift.ts";
import { zipLimit } from "../../../src/io/zip/zip.ts";
import { thorough } from "../../shared/thorough.ts";
import { heldTo, MOST, mutations, randomBytes, timeoutOf } from "./fuzz.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url)));

/** Of a few columns: each page takes a stream of its own to decompress, far longer than all else that is read of it. */
function gzipped(): Uint8Array {
  const rows = Array.from({ length: 40 }, (_, i) => i);
  const columnData = [
    { name: "x", data: rows.map((i) => i / 10), type: "DOUBLE" },
    { name: "word", data: rows.map((i) => (i % 7 === 3 ? null : `w${i % 5}`)), type: "STRING" },
    { name: "whole", data: rows.map((i) => BigInt(i) * 1_000_000_007n), type: "INT64" },
  ] as const;
  const compressors = { GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) };
  return new Uint8Array(
    parquetWriteBuffer({ columnData: [...columnData], codec: "GZIP", compressors, rowGroupSize: 25 }),
  );
}
const files = [...["plain", "snappy", "zstd", "v2"].map(file), gzipped()];

/** A file with some bytes of its pages or its footer changed, and its end left as it is. */
function inside(valid: Uint8Array, footer: boolean): fc.Arbitrary<Uint8Array> {
  const length = new DataView(valid.buffer).getUint32(valid.length - 8, true);
  const start = valid.length - 8 - length;
  const place = footer ? fc.integer({ min: start, max: valid.length - 9 }) : fc.integer({ min: 4, max: start - 1 });
  const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  return fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 5 }).map((edits) => {
    const out = valid.slice();
    for (const [at, value] of edits) out[at] = value;
    return out;
  });
}

describe("whatever the bytes are", () => {
  it("the Parquet reader ends in time, within memory, and throws nothing but ChainruleError", {
    timeout: 2 * timeoutOf(MOST),
  }, async () => {
    const inputs = fc.oneof(
      { weight: 1, arbitrary: randomBytes() },
      ...files.map((valid) => ({ weight: 1, arbitrary: mutations(valid) })),
      ...files.map((valid) => ({ weight: 3, arbitrary: inside(valid, true) })),
      ...files.map((valid) => ({ weight: 3, arbitrary: inside(valid, false) })),
    );
    await fc.assert(
      fc.asyncProperty(inputs, (bytes) => heldTo(zipLimit(bytes.length), () => readParquet("f", bytes))),
      // Half as many in npm test: these take longest.
      { numRuns: thorough || process.env.CHAINRULE_FUZZ ? MOST : MOST / 2 },
    );
  });

  it("the inputs are worth drawing: many come as far as pages, and some can be read", async () => {
    const said = new Map<string, number>();
    for (const bytes of fc.sample(fc.oneof(...files.map((valid) => inside(valid, false))), 300)) {
      const word = await readParquet("f", bytes).then(
        () => "read",
        (error: ChainruleError) => error.message.split(":")[2]?.trim().split(" ")[0] ?? "",
      );
      said.set(word, (said.get(word) ?? 0) + 1);
    }
    expect(said.get("read") ?? 0).toBeGreaterThan(10);
    expect(said.get("column") ?? 0).toBeGreaterThan(30);
  });
});

describe("a header", () => {
  it.each<[string, number[]]>([
    ["that ends early", [0x15]],
    ["with a number of more than 64 bits", [0x15, ...new Array(30).fill(0x80), 1, 0]],
    ["with a text longer than the file", [0x18, 0xff, 0xff, 0xff, 0xff, 7, 0]],
    ["with a list longer than the file", [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0]],
    ["that is nested deeply", [...new Array(40).fill(0x1c), ...new Array(41).fill(0)]],
    ["with a type that there is not", [0x1d, 0]],
  ])("%s is refused before it is read", (_, bytes) => {
    expect(() => skipStruct(Uint8Array.from(bytes), 0)).toThrow();
  });
});
