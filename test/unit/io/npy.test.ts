import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type DType, type NdArray, ndarray } from "../../../src/core/ndarray.ts";
import { readNpy, writeNpy } from "../../../src/io/numpy/npy.ts";
import { readNpz, writeNpz } from "../../../src/io/numpy/npz.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/numpy/${name}`, import.meta.url)));

/** An .npy of version 1 with this header and so many bytes behind it. */
const npy = (header: string, bytes: number | Uint8Array = 0, version = [1, 0]): Uint8Array => {
  const text = new TextEncoder().encode(header);
  const data = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
  const length = [text.length & 255, text.length >> 8, ...(version[0] === 1 ? [] : [0, 0])];
  return Uint8Array.from([0x93, ...new TextEncoder().encode("NUMPY"), ...version, ...length, ...text, ...data]);
};
const header = (change: Partial<Record<"descr" | "order" | "shape", string>> = {}): string =>
  `{'descr': ${change.descr ?? "'<f4'"}, 'fortran_order': ${change.order ?? "False"}, 'shape': ${change.shape ?? "(2,)"}, }\n`;

describe("files that numpy wrote", () => {
  it("of every type, byte order and memory order read as the same numbers", async () => {
    const arrays = await readNpz(file("types.npz"));
    expect(arrays.size).toBe(40);
    const counted = Array.from({ length: 24 }, (_, i) => i);
    const becomes: Record<string, DType> = { f2: "f32", f4: "f32", f8: "f64", u4: "u32", u8: "u32" };
    for (const [name, array] of arrays) {
      expect(array.shape, name).toEqual([2, 3, 4]);
      expect(array.dtype, name).toBe(becomes[name.slice(1, 3)] ?? "i32");
      expect([...array.data], name).toEqual(counted);
    }
  });

  it.each(["stored.npz", "pipe.npz"])("as an archive: %s", async (name) => {
    const arrays = await readNpz(file(name));
    expect(Object.fromEntries(arrays)).toEqual({
      x: ndarray([3, 2], "f32", [0, 1, 2, 3, 4, 5]),
      y: ndarray([3], "i32", [0, 1, 1]),
      flags: ndarray([3], "i32", [1, 0, 1]),
      scalar: ndarray([1], "f64", [2.5]),
      empty: ndarray([0, 4], "f32", []),
    });
  });

  it("are written byte for byte the same, and read in all three versions", () => {
    const array = ndarray([2, 3], "f32", [0, 1, 2, 3, 4, 5]);
    expect(writeNpy(array)).toEqual(file("version1.npy"));
    for (const version of [1, 2, 3]) expect(readNpy(file(`version${version}.npy`))).toEqual(array);
  });
});

it("what is written comes back, of every type and rank", async () => {
  const arrays: [string, NdArray][] = [
    ["0.weight", ndarray([2, 2], "f32", [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY])],
    ["b", ndarray([3], "f64", [Math.PI, 1e-310, -1])],
    ["labels", ndarray([2, 1, 1], "i32", [-(2 ** 31), 2 ** 31 - 1])],
    ["counts/of", ndarray([1], "u32", [2 ** 32 - 1])],
    ["nothing", ndarray([0, 7], "f32", [])],
  ];
  const bytes = writeNpz(arrays);
  expect([...(await readNpz(bytes))]).toEqual(arrays);
  expect(writeNpz(arrays)).toEqual(bytes);
  const scalar = { shape: [], dtype: "f32", data: Float32Array.of(3) } as const;
  expect(readNpy(writeNpy(scalar))).toEqual(ndarray([1], "f32", [3]));
});

it("nothing is written that could not be read", () => {
  expect(() => writeNpy({ shape: [3], dtype: "f32", data: new Float32Array(2) })).toThrow("2 values do not fill [3]");
  const one = ndarray([1], "f32", [1]);
  expect(() =>
    writeNpz([
      ["a", one],
      ["a", one],
    ]),
  ).toThrow('the name "a" occurs twice');
});

describe("an .npy header", () => {
  it.each<[string, string, number, number[]]>([
    ["as numpy has it", header(), 8, [2]],
    ["without spaces", "{'descr':'<f4','fortran_order':False,'shape':(2,)}", 8, [2]],
    ["in another order, other quotes", `{"shape": (2, 1,), "fortran_order": True, "descr": "<f4"}  \n`, 8, [2, 1]],
    ["of rank 0", header({ shape: "()" }), 4, [1]],
    ["of no elements", header({ shape: "(0, 9007199254740991)" }), 0, [0, 9007199254740991]],
  ])("is read: %s", (_, text, bytes, shape) => {
    expect(readNpy(npy(text, bytes)).shape).toEqual(shape);
  });

  it.each<[string, string, number, string]>([
    ["no dictionary", "['descr']\n", 0, "where { belongs"],
    ["empty", "", 4, 'the header has "" at 0, where { belongs'],
    ["a call", "__import__('os').system('true')\n", 0, "where { belongs"],
    ["a computed shape", header({ shape: "(1+1,)" }), 8, 'the header has "+1,), }\\n" at'],
    ["a comprehension", header({ shape: "tuple([2])" }), 8, "where ( belongs"],
    ["a number for a tuple", header({ shape: "2" }), 8, "where ( belongs"],
    ["a tuple of one without its comma", header({ shape: "(2)" }), 8, "where a comma, which a tuple of one has"],
    ["a negative size", header({ shape: "(-2,)" }), 8, 'the header has "-2,), }\\n" at'],
    ["a fractional size", header({ shape: "(2.5,)" }), 8, 'the header has ".5,), }\\n"'],
    ["a size beyond 2^53", header({ shape: "(9007199254740992,)" }), 8, "a size of 9007199254740992 or more"],
    ["a size of many digits", header({ shape: `(${"9".repeat(300)},)` }), 8, "a size of 99999999999999999999 or more"],
    ["nine dimensions", header({ shape: `(${"1, ".repeat(9)})` }), 4, "9 dimensions; at most 8"],
    ["a product beyond 2^400", header({ shape: `(${"9007199254740991, ".repeat(8)})` }), 8, "the file has 8"],
    ["a product of 2^64", header({ shape: "(4294967296, 4294967296)" }), 8, "the file has 8"],
    ["too few values", header(), 4, "float32 [2] needs 8 bytes of values, the file has 4"],
    ["too many values", header(), 12, "needs 8 bytes of values, the file has 12"],
    ["objects", header({ descr: "'|O'" }), 8, "type '|O': objects are not unpickled"],
    [
      "text",
      header({ descr: "'<U4'" }),
      32,
      "type '<U4' is text: give the number of each class; known are float16, float32, float64, bool, int8",
    ],
    ["complex numbers", header({ descr: "'<c8'" }), 16, "type '<c8'"],
    ["the machine's own byte order", header({ descr: "'=f4'" }), 8, "type '=f4'"],
    ["no byte order where one is needed", header({ descr: "'|f4'" }), 8, "type '|f4'"],
    ["an empty type", header({ descr: "''" }), 8, "type ''"],
    ["records", header({ descr: "[('a', '<f4')]" }), 8, "records of several fields are not read"],
    ["a number for the order", header({ order: "0" }), 8, "where True or False belongs"],
    ["a key twice", header().replace("'shape'", "'descr': '<f4', 'shape'"), 8, "the header has 'descr' twice"],
    ["a key too many", header().replace("{", "{'__proto__': '', "), 8, "the header has '__proto__'; known are"],
    ["a key too few", "{'descr': '<f4', 'shape': (2,), }\n", 8, "the header lacks 'fortran_order'"],
    ["an open quote", "{'descr: <f4", 8, "the header ends inside quotes"],
    ["words behind it", `${header().trim()} # hi\n`, 8, "where spaces and the end of the header belongs"],
    ["no end", header().replace("}", " "), 8, "where a quoted word belongs"],
    ["letters beyond ASCII", header({ descr: "'<f\u00e4'" }), 8, "characters beyond ASCII"],
  ])("is refused: %s", (_, text, bytes, message) => {
    expect(() => readNpy(npy(text, bytes), "a.npy")).toThrow(message);
    expect(() => readNpy(npy(text, bytes), "a.npy")).toThrow(/^a\.npy: /);
  });

  it("is refused for what stands in front of it", () => {
    expect(() => readNpy(Uint8Array.of(1, 2, 3))).toThrow("not an .npy file");
    expect(() => readNpy(npy("", 0).subarray(0, 9))).toThrow("cut short: the file has 9 bytes");
    expect(() => readNpy(npy(header(), 8, [4, 0]))).toThrow("format version 4.0; known are 1.0, 2.0 and 3.0");
    expect(() => readNpy(npy(header(), 8, [1, 1]))).toThrow("format version 1.1");
    expect(() => readNpy(npy(header(), 8).subarray(0, 20))).toThrow("cut short: the header needs 68 bytes");
    expect(() => readNpy(npy(header().padEnd(10_001), 8))).toThrow("a header of 10001 bytes; at most 10000");
  });
});

it("integers beyond 32 bits are f64, and those that f64 would round are refused by numpy's own name", () => {
  const wide = (descr: string, value: bigint) => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigInt64(8, value, true);
    return () => readNpy(npy(header({ descr }), bytes));
  };
  expect(wide("'<i8'", 2n ** 31n - 1n)()).toEqual(ndarray([2], "i32", [0, 2 ** 31 - 1]));
  expect(wide("'<i8'", 2n ** 31n)()).toEqual(ndarray([2], "f64", [0, 2 ** 31]));
  expect(wide("'<i8'", -1_700_000_000_000n)()).toEqual(ndarray([2], "f64", [0, -1_700_000_000_000]));
  expect(wide("'<u8'", 2n ** 32n - 1n)()).toEqual(ndarray([2], "u32", [0, 2 ** 32 - 1]));
  expect(wide("'<u8'", 2n ** 32n)()).toEqual(ndarray([2], "f64", [0, 2 ** 32]));
  // Seconds as nanoseconds end in nine zeros, which f64 keeps.
  expect(wide("'<i8'", 1_700_000_000_000_000_000n)().data[1]).toBe(1.7e18);
  expect(wide("'<i8'", 2n ** 53n + 1n)).toThrow("npy: value 1 of int64 lies beyond 2^53, and f64 would round it");
  expect(wide("'<u8'", -2n)).toThrow("npy: value 1 of uint64 lies beyond 2^53");
});
