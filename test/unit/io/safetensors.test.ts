import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DType, type NdArray, ndarray, sizeOf } from "../../../src/core/ndarray.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { safetensorsFile } from "./safetensors-file.ts";

const one = (dtype: string, shape: number[], data: number[]) =>
  readSafetensors(
    safetensorsFile(`{"t":{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[0,${data.length}]}}`, data),
  ).tensors.get("t")!;

describe("writeSafetensors", () => {
  it("writes the bytes that the original library writes", () => {
    // The library's own test vectors: one tensor whose header needs no padding, one whose header needs seven spaces.
    const values = Float32Array.of(0, 1, 2, 3, 4, 5);
    const data = [...new Uint8Array(values.buffer)];
    const padded = (text: string, length: number) => safetensorsFile(text.padEnd(length, " "), data);
    expect(writeSafetensors([["attn.0", ndarray([1, 2, 3], "f32", values)]])).toEqual(
      padded('{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}', 64),
    );
    expect(writeSafetensors([["attn0", ndarray([1, 1, 2, 3], "f32", values)]])).toEqual(
      padded('{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}', 72),
    );
    expect(writeSafetensors([])).toEqual(safetensorsFile("{}      ", []));
    expect(writeSafetensors([], { framework: "pt" })).toEqual(
      safetensorsFile('{"__metadata__":{"framework":"pt"}}     ', []),
    );
  });

  it("keeps every tensor aligned, f64 first, and the order otherwise", () => {
    const bytes = writeSafetensors([
      ["b", ndarray([1], "f32", [1])],
      ["a", ndarray([3], "i32", [1, 2, 3])],
      ["c", ndarray([1], "f64", [Math.PI])],
    ]);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["c", "b", "a"]);
  });

  it("refuses names and arrays that would make a file nobody can read", () => {
    const t = ndarray([1], "f32", [1]);
    expect(() =>
      writeSafetensors([
        ["a", t],
        ["a", t],
      ]),
    ).toThrow('the tensor name "a" is reserved or occurs twice');
    expect(() => writeSafetensors([["__metadata__", t]])).toThrow("reserved");
    expect(() => writeSafetensors([["__proto__", t]])).toThrow('the tensor name "__proto__" is not accepted');
    expect(() => writeSafetensors([["\ud800", t]])).toThrow("is not well-formed text");
    expect(() => writeSafetensors([["a", { ...t, shape: [2] }]])).toThrow('tensor "a": 1 values do not fill [2]');
    expect(() => writeSafetensors([], { a: "\udc00" })).toThrow('metadata "a" must be well-formed text');
  });
});

describe("readSafetensors", () => {
  it("gives back what was written, bit for bit", () => {
    const dtypes: DType[] = ["f32", "f64", "i32", "u32"];
    const tensor = fc
      .tuple(
        fc.constantFrom(...dtypes),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.double()),
      )
      .map(([dtype, shape, values]): NdArray => ndarray(shape, dtype, [...values.take(sizeOf(shape))]));
    const name = fc
      .string({ unit: "binary" })
      .filter((s) => !["__metadata__", "__proto__", "constructor", "prototype"].includes(s));
    const metadata = fc.dictionary(name, fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, tensor), { selector: ([n]) => n, maxLength: 4 }),
        metadata,
        (items, meta) => {
          const file = readSafetensors(writeSafetensors(items, meta));
          expect(new Map(file.tensors)).toEqual(new Map(items));
          expect({ ...file.metadata }).toEqual({ ...meta });
        },
      ),
    );
  });

  it("keeps NaN payloads and the sign of zero", () => {
    const bits = Uint32Array.of(0x7fc12345, 0x80000000, 0x00000001);
    const t = ndarray([3], "f32", new Float32Array(bits.buffer));
    const back = readSafetensors(writeSafetensors([["t", t]])).tensors.get("t")!;
    expect([...new Uint32Array(back.data.buffer)]).toEqual([...bits]);
  });

  it("copies unaligned data, from the middle of a larger buffer", () => {
    const file = safetensorsFile('{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', [0, 0, 0x80, 0x3f]);
    expect((8 + 54) % 4).not.toBe(0);
    const shifted = new Uint8Array(file.length + 5);
    shifted.set(file, 3);
    const t = readSafetensors(shifted.subarray(3, 3 + file.length)).tensors.get("t")!;
    expect(t.data).toEqual(Float32Array.of(1));
    shifted.fill(0);
    expect(t.data[0]).toBe(1);
  });

  it("widens every smaller type without loss", () => {
    expect(one("F16", [4], [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0xff, 0x7b])).toEqual(
      ndarray([4], "f32", [1, 2 ** -24, Number.NEGATIVE_INFINITY, 65504]),
    );
    expect(one("F16", [1], [0x01, 0x7c]).data[0]).toBeNaN();
    expect(one("BF16", [2], [0x80, 0x3f, 0x49, 0xc0])).toEqual(ndarray([2], "f32", [1, -3.140625]));
    expect(one("I8", [2], [0xff, 0x7f])).toEqual(ndarray([2], "i32", [-1, 127]));
    expect(one("U8", [2], [0xff, 0])).toEqual(ndarray([2], "i32", [255, 0]));
    expect(one("BOOL", [2], [1, 0])).toEqual(ndarray([2], "i32", [1, 0]));
    expect(one("I16", [1], [0xfe, 0xff])).toEqual(ndarray([1], "i32", [-2]));
    expect(one("U16", [1], [0xfe, 0xff])).toEqual(ndarray([1], "i32", [65534]));
  });

  it("takes 64-bit integers that fit 32 bits as those, others as f64, and names the first that f64 would round", () => {
    const minusTwo = [0xfe, ...new Array(7).fill(0xff)];
    expect(one("I64", [1], minusTwo)).toEqual(ndarray([1], "i32", [-2]));
    expect(one("U64", [1], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])).toEqual(ndarray([1], "u32", [0xffffffff]));
    const wide = one("I64", [2], [...minusTwo, 0, 0, 0, 0x80, 0, 0, 0, 0]);
    expect(wide).toEqual(ndarray([2], "f64", [-2, 2 ** 31]));
    expect(() => one("U64", [1], minusTwo)).toThrow('tensor "t": value 0 of U64 lies beyond 2^53');
  });

  it("reads scalars as [1] and keeps empty tensors", () => {
    expect(one("I32", [], [7, 0, 0, 0])).toEqual(ndarray([1], "i32", [7]));
    expect(one("F32", [3, 0, 2], [])).toEqual(ndarray([3, 0, 2], "f32", []));
    const huge = 2 ** 53 - 1;
    expect(one("F32", [huge, huge, 0, huge], []).data).toHaveLength(0);
  });
});
