import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNpy } from "../../../src/io/numpy/npy.ts";
import { readNpz } from "../../../src/io/numpy/npz.ts";
import { zipLimit } from "../../../src/io/zip/zip.ts";
import { heldTo, MANY, mutations, processorMs, randomBytes, SMALL, TIMEOUT } from "./fuzz.ts";
import { type Part, zipFile } from "./zip-file.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/numpy/${name}`, import.meta.url)));

/** Headers of the right kind with wrong things in them. */
const headers = (): fc.Arbitrary<string> => {
  const word = fc.string({ unit: fc.constantFrom(..."{}()[],:'\"0123456789TrueFalse<>|fiub "), maxLength: 12 });
  const descr = fc.oneof(fc.constantFrom("'<f4'", "'>i8'", "'|b1'", "'<f2'", "'|O'"), word);
  const order = fc.oneof(fc.constantFrom("True", "False"), word);
  const size = fc.oneof(fc.nat(5).map(String), fc.maxSafeNat().map(String), word);
  const shape = fc
    .array(size, { maxLength: 9 })
    .map((sizes) => `(${sizes.join(", ")}${sizes.length === 1 ? "," : ""})`);
  return fc.tuple(descr, order, shape).map(([d, o, s]) => `{'descr': ${d}, 'fortran_order': ${o}, 'shape': ${s}, }\n`);
};

function npyOf(header: string, bytes: Uint8Array, version: number): Uint8Array {
  const length = [header.length & 255, header.length >> 8, ...(version === 1 ? [] : [0, 0])];
  const text = Array.from(header, (c) => c.charCodeAt(0));
  return Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...text, ...bytes]);
}

/** Archives of the right kind with wrong things in them. */
const parts = (): fc.Arbitrary<Part[]> => {
  const number = fc.oneof(fc.nat(400), fc.constantFrom(0, 0xffff, 0xfffffffe, 0xffffffff, 2 ** 24, 2 ** 30));
  const part = fc.record(
    {
      name: fc.oneof(fc.constantFrom("x.npy", "y.npy", "../x", "/x", "a\\b"), fc.string({ maxLength: 6 })),
      data: fc.oneof(fc.constant(file("version1.npy")), fc.uint8Array({ maxLength: 60 })),
      deflate: fc.boolean(),
      packed: fc.uint8Array({ maxLength: 40 }),
      method: fc.constantFrom(0, 8, 9),
      flags: fc.constantFrom(0, 0x800, 0x808, 1),
      size: number,
      crc: number,
      offset: number,
      wide: fc.boolean(),
      behind: fc.record({ bytes: fc.constantFrom(4 as const, 8 as const), signed: fc.boolean() }),
      gap: fc.nat(3),
    },
    { requiredKeys: [] },
  );
  return fc.array(part, { maxLength: 3 }) as fc.Arbitrary<Part[]>;
};

describe("whatever the bytes are", () => {
  it("the .npy reader ends in time, within memory, and throws nothing but ChainruleError", {
    timeout: TIMEOUT,
  }, async () => {
    const made = fc
      .tuple(headers(), fc.uint8Array({ maxLength: 64 }), fc.constantFrom(1, 2, 3))
      .map(([header, bytes, version]) => npyOf(header, bytes, version));
    const valid = [1, 2, 3].map((version) => mutations(file(`version${version}.npy`)));
    // Elements of one byte become numbers of four, so an array may be four times its file; it is the only allocation.
    await fc.assert(
      fc.asyncProperty(fc.oneof(randomBytes(), made, ...valid), (bytes) =>
        heldTo(4 * bytes.length, () => readNpy(bytes)),
      ),
      { numRuns: MANY / 2 },
    );
  });

  it("the .npz reader does, too", { timeout: TIMEOUT }, async () => {
    const valid = ["stored.npz", "pipe.npz"].map((name) => mutations(file(name)));
    const made = fc.tuple(parts(), fc.boolean()).map(([list, zip64]) => zipFile(list, { zip64 }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(randomBytes(), made, ...valid), (bytes) =>
        heldTo(zipLimit(bytes.length), () => readNpz(bytes)),
      ),
      { numRuns: MANY / 2 },
    );
  });

  it("the readers are held to what they are held to", async () => {
    const kept: Uint8Array[] = [];
    const greedy = () => void kept.push(new Uint8Array(3 * SMALL));
    await expect(heldTo(100, greedy)).rejects.toThrow("allocated");
    await expect(heldTo(100, () => Object.keys(undefined as unknown as object))).rejects.toThrow(TypeError);
    const slow = (): void => {
      const until = processorMs() + 30;
      while (processorMs() < until);
    };
    await expect(heldTo(100, slow, 20)).rejects.toThrow("took");
  });
});
