import { describe, expect, it } from "vitest";
import { ChainruleError } from "../../../src/core/errors.ts";
import { readSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { endsCleanly } from "./fuzz.ts";
import { safetensorsFile } from "./safetensors-file.ts";

const zeros = (n: number) => new Array<number>(n).fill(0);
const entry = (change: Record<string, unknown>) =>
  JSON.stringify({ t: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...change } });
const two = (a: [number, number], b: [number, number]) =>
  `{"a":{"dtype":"F32","shape":[2],"data_offsets":[${a}]},"b":{"dtype":"F32","shape":[2],"data_offsets":[${b}]}}`;

describe("a hostile safetensors file", () => {
  it.each<[string, string, number, string]>([
    ["text that is no object", "[1]     ", 0, "does not begin with {"],
    ["a leading space", " {}", 0, "does not begin with {"],
    ["no header", "", 0, "does not begin with {"],
    ["broken JSON", '{"t":', 0, "the header is not JSON in UTF-8"],
    ["two objects", "{}{}", 0, "the header is not JSON in UTF-8"],
    ["a name twice", `{"t":${entry({}).slice(5, -1)},"t":${entry({}).slice(5)}`, 8, 'the name "t" occurs twice'],
    ["a name twice, once escaped", `{"t":1,"\\u0074":2}`, 8, 'the name "t" occurs twice'],
    [
      "a field twice",
      '{"t":{"dtype":"F32","dtype":"F64","shape":[2],"data_offsets":[0,8]}}',
      8,
      '"dtype" occurs twice',
    ],
    ["deep nesting", `{"t":${"[".repeat(100_000)}`, 0, "nested more than 3 deep"],
    ["__proto__ as a name", entry({}).replace('"t"', '"__proto__"'), 8, 'the tensor name "__proto__" is not accepted'],
    ["constructor as a name", entry({}).replace('"t"', '"constructor"'), 8, '"constructor" is not accepted'],
    ["__proto__ in the metadata", '{"__metadata__":{"__proto__":"x"}}', 0, 'the metadata name "__proto__"'],
    ["metadata that is no text", '{"__metadata__":{"a":1}}', 0, 'must map text to text, but "a" holds something else'],
    ["metadata that is no object", '{"__metadata__":["a"]}', 0, "must map text to text"],
    ["an entry that is no object", '{"t":[1,2]}', 0, 'tensor "t": its entry is not an object'],
    ["an unknown dtype", entry({ dtype: "F8_E4M3" }), 8, 'tensor "t": dtype "F8_E4M3" is not one of F64, F32'],
    ["a dtype that is no text", entry({ dtype: 5 }), 8, 'tensor "t": dtype 5 is not one of'],
    ["a negative dimension", entry({ shape: [-2] }), 8, 'tensor "t": its shape must be a list of whole numbers'],
    [
      "a fractional dimension",
      entry({ shape: [2.5] }),
      8,
      "its shape must be a list of whole numbers from 0, got [2.5]",
    ],
    ["an unsafe dimension", entry({ shape: [2 ** 53] }), 8, "its shape must be a list"],
    ["an infinite dimension", entry({}).replace("[2]", "[1e999]"), 8, "its shape must be a list"],
    ["a shape that is no list", entry({ shape: 2 }), 8, "its shape must be a list of whole numbers from 0, got 2"],
    ["nine dimensions", entry({ shape: zeros(9) }), 8, "it has 9 dimensions; at most 8"],
    ["a product beyond 2^400", entry({ shape: zeros(8).map(() => 2 ** 53 - 1) }), 8, "its offsets hold 8"],
    ["a product of 2^64 + 2", entry({ shape: [2 ** 32, 2 ** 32] }), 8, "its offsets hold 8"],
    ["one offset", entry({ data_offsets: [0] }), 8, "data_offsets must be two whole numbers"],
    ["no offsets", entry({ data_offsets: undefined }), 8, "data_offsets must be two whole numbers"],
    ["negative offsets", entry({ data_offsets: [-8, 0] }), 8, "data_offsets must be two whole numbers"],
    ["offsets back to front", entry({ data_offsets: [8, 0] }), 8, "bytes 8 to 0 do not lie in the 8 bytes"],
    ["offsets behind the end", entry({ data_offsets: [8, 16] }), 8, "bytes 8 to 16 do not lie in the 8 bytes"],
    ["a shape that needs more", entry({ shape: [3] }), 8, "F32 [3] needs 12 bytes, its offsets hold 8"],
    [
      "a gap at the start",
      entry({ data_offsets: [4, 12] }),
      12,
      'bytes 0 to 4, before tensor "t", belong to no tensor',
    ],
    ["a gap between", two([0, 8], [12, 20]), 20, 'bytes 8 to 12, before tensor "b"'],
    ["overlap", two([0, 8], [4, 12]), 12, 'tensor "b" overlaps the one before it: it begins at byte 4, not 8'],
    ["two tensors on one place", two([0, 8], [0, 8]), 8, 'tensor "b" overlaps'],
    ["bytes left over", entry({}), 10, "the last 2 bytes belong to no tensor"],
    ["bytes and no tensor", "{}", 3, "the last 3 bytes belong to no tensor"],
  ])("is refused: %s", (_, header, dataBytes, message) => {
    expect(() => readSafetensors(safetensorsFile(header, zeros(dataBytes)))).toThrow(message);
  });

  it("is refused for the length of its header", () => {
    expect(() => readSafetensors(Uint8Array.of(1, 2, 3))).toThrow("3 bytes, too few for the header's length");
    const file = safetensorsFile("{}", []);
    expect(() => readSafetensors(file.with(0, 3))).toThrow("cut short: the header needs 11 bytes, the file has 10");
    expect(() => readSafetensors(file.with(4, 1))).toThrow("a header of 4294967298 bytes; at most 100000000");
    expect(() => readSafetensors(file.with(7, 255))).toThrow("at most 100000000");
  });

  it("is refused when its header is not UTF-8", () => {
    const file = safetensorsFile('{"a":1}', []);
    expect(() => readSafetensors(file.with(10, 0xff))).toThrow("not JSON in UTF-8");
  });

  it("gets a short message even for a long name", () => {
    const header = JSON.stringify({ ["n".repeat(1e6)]: 1 });
    const error = (() => {
      try {
        return readSafetensors(safetensorsFile(header, []));
      } catch (e) {
        return e;
      }
    })();
    expect(error).toBeInstanceOf(ChainruleError);
    expect((error as ChainruleError).code).toBe("file");
    expect((error as ChainruleError).message.length).toBeLessThan(300);
  });

  it("leaves Object.prototype alone", () => {
    endsCleanly(() => readSafetensors(safetensorsFile('{"__metadata__":{"__proto__":{"polluted":"yes"}}}', [])));
    expect("polluted" in {}).toBe(false);
  });
});
