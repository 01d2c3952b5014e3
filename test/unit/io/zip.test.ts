import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../../src/io/zip/crc32.ts";
import { readZip, writeZip, zipLimit } from "../../../src/io/zip/zip.ts";
import { type Part, zipFile } from "./zip-file.ts";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const two: readonly Part[] = [
  { name: "a", data: text("hello") },
  { name: "sub/b", data: text("hello ".repeat(100)), deflate: true },
];
const read = [
  ["a", text("hello")],
  ["sub/b", text("hello ".repeat(100))],
];

it("CRC-32 is the one of zip", () => {
  expect(crc32(text("123456789"))).toBe(0xcbf43926);
  expect(crc32(text(""))).toBe(0);
});

it("what is written comes back, and is what others write", async () => {
  const files = new Map([
    ["a.npy", text("hello")],
    ["é/0.weight.npy", new Uint8Array(0)],
  ]);
  const bytes = writeZip(files);
  expect([...(await readZip(bytes))]).toEqual([...files]);
  expect([...(await readZip(writeZip(new Map())))]).toEqual([]);
});

describe("an archive is read", () => {
  it.each<[string, Uint8Array]>([
    ["stored and deflated", zipFile(two)],
    ["with a comment", zipFile(two, { comment: "made by hand PK\u0005\u0006" })],
    ["with sizes of 64 bits", zipFile(two.map((part) => ({ ...part, wide: true })))],
    ["with a zip64 record", zipFile(two, { zip64: true })],
    ["with sizes behind the data", zipFile(two.map((p) => ({ ...p, behind: { bytes: 4, signed: true } })))],
    ["and without their signature", zipFile(two.map((p) => ({ ...p, behind: { bytes: 4, signed: false } })))],
    ["and of 64 bits", zipFile(two.map((p) => ({ ...p, wide: true, behind: { bytes: 8, signed: true } })))],
    ["with plain names that are not said to be UTF-8", zipFile(two.map((p) => ({ ...p, flags: 0 })))],
  ])("%s", async (_, bytes) => {
    expect([...(await readZip(bytes))]).toEqual(read);
  });
});

describe("an archive is refused", () => {
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(2 ** 20)));
  const name = (name: string): Part[] => [{ name }];
  it.each<[string, readonly Part[], string]>([
    ["a name twice", [{ name: "x" }, { name: "x" }], '"x" occurs twice'],
    ["a way out", name("../x"), 'the name "../x" has a part that is empty, . or ..'],
    ["a way out in the middle", name("a/../../x"), "has a part that is empty, . or .."],
    ["an absolute name", name("/etc/x"), 'the name "/etc/x" is an absolute path'],
    ["a drive", name("C:x"), "is an absolute path"],
    ["a backslash", name("a\\x"), "characters that no path has"],
    ["a NUL", name("a\0.npy"), "characters that no path has"],
    ["no name", name(""), "is empty"],
    ["a folder", name("a/"), "has a part that is empty"],
    ["an unknown encoding", [{ name: "é", flags: 0 }], 'the name "é" is in an encoding that is not said'],
    ["encryption", [{ flags: 0x801 }], '"a" is encrypted'],
    ["unknown flags", [{ flags: 0x2800 }], '"a" has flags 0x2800'],
    ["another method", [{ method: 12 }], '"a" is packed by method 12; known are 0 and 8'],
    ["a stored size that is not", [{ size: 4 }], "stored as it is, but in 3 bytes for 4"],
    ["a wrong CRC", [{ crc: 5 }], '"a": the CRC does not match'],
    ["a wrong CRC, deflated", [{ crc: 5, deflate: true }], '"a": the CRC does not match'],
    ["another name in the local header", [{ local: { name: "b" } }], "its own header has another name"],
    ["another size in the local header", [{ local: { size: 2 } }], "its own header has another size"],
    ["another CRC in the local header", [{ local: { crc: 2 } }], "its own header has another CRC"],
    ["another method in the local header", [{ local: { method: 8 } }], "its own header has another method"],
    ["another size behind the data", [{ behind: { bytes: 4, signed: true, size: 9 } }], "behind its data do not agree"],
    ["bytes in front", [{ gap: 5 }], 'bytes 0 to 5, before "a", belong to no file'],
    ["bytes between", [{ name: "x" }, { name: "y", gap: 2 }], 'before "y", belong to no file'],
    ["two files on one place", [{ name: "x" }, { name: "y", offset: 0 }], '"y" overlaps the file before it'],
    ["a file that is not there", [{ offset: 7000 }], "belong to no file"],
    ["a deflate stream that is none", [{ packed: Uint8Array.of(255, 255) }], "the deflate stream is damaged"],
    ["a deflate stream cut short", [{ packed: bomb.subarray(0, -4), size: 2 ** 20 }], "damaged or cut short"],
    ["more than it claims", [{ packed: bomb, size: 1000 }], "does not decompress to the 1000 bytes that it claims"],
    ["less than it claims", [{ packed: bomb, size: 2 ** 20 + 1 }], "does not decompress to the 1048577 bytes"],
    ["a claim beyond deflate", [{ packed: bomb, size: 2 ** 24 }], "more than deflate can give"],
    ["a claim beyond the limit", [{ packed: bomb, size: 2 ** 27 }], "more than 67108864 bytes, the most"],
    [
      "many claims beyond it",
      Array.from({ length: 80 }, (_, i) => ({ name: `${i}`, packed: bomb, size: 2 ** 20 })),
      "",
    ],
  ])("%s", async (_, parts, message) => {
    await expect(readZip(zipFile(parts))).rejects.toThrow(message || "more than 67108864 bytes");
    await expect(readZip(zipFile(parts))).rejects.toMatchObject({ code: "file" });
  });

  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "not a zip archive, or cut short"],
    ["an end that is not at the end", Uint8Array.from([...zipFile(two), 0]), "the record at its end is missing"],
    ["too few files", zipFile(two, { count: 1 }), "bytes beyond its 1 files"],
    ["too many files", zipFile(two, { count: 3 }), "no entry of the directory"],
    ["too many files, zip64", zipFile(two, { count: 2 ** 40, zip64: true }), "1099511627776 files; at most 10000"],
  ])("%s", async (_, bytes, message) => {
    await expect(readZip(bytes)).rejects.toThrow(message);
  });
});

it("how much an archive may hold follows from its size", () => {
  expect([1, 2 ** 20, 2 ** 30].map(zipLimit)).toEqual([64 * 2 ** 20, 100 * 2 ** 20, 2 ** 30]);
});
