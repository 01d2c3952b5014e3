import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import { heldTo, MANY, mutations, TIMEOUT } from "./fuzz.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/keras/${name}`, import.meta.url)));

/** Numbers of eight bytes put where addresses and sizes lie: other places of the file, and none. */
function redirected(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const places = fc.nat(Math.floor(valid.length / 8) - 1).map((i) => 8 * i);
  const number = fc.oneof(places, fc.constantFrom(0, 1, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63));
  // Headers begin at multiples of eight, new ones anywhere.
  const at = fc.oneof({ weight: 3, arbitrary: places }, fc.nat(valid.length - 8));
  return fc.array(fc.tuple(at, number, fc.constantFrom(1, 2, 4, 8)), { minLength: 1, maxLength: 4 }).map((edits) => {
    const out = valid.slice();
    const view = new DataView(out.buffer);
    for (const [place, value, width] of edits) {
      if (width === 1) view.setUint8(place, value % 256);
      else if (width === 2) view.setUint16(place, value % 2 ** 16, true);
      else if (width === 4) view.setUint32(place, value % 2 ** 32, true);
      else view.setBigUint64(place, BigInt(value), true);
    }
    return out;
  });
}

describe("whatever the bytes are, the reader of HDF5", () => {
  it.each(["functional.h5", "sequential-3.weights.h5", "sequential-3-latest.weights.h5"])(
    "ends in time, within memory, and throws nothing but ChainruleError: %s",
    { timeout: TIMEOUT },
    async (name) => {
      const valid = file(name);
      const structure = { name: "m.json", bytes: file("sequential-3.json") };
      const inputs = fc.oneof(mutations(valid), { weight: 3, arbitrary: redirected(valid) });
      const read = (bytes: Uint8Array) =>
        importNet(name === "functional.h5" ? { name, bytes } : { ...structure, weights: bytes });
      // What gzip unpacks is dropped only when memory is tidied up.
      await fc.assert(
        fc.asyncProperty(inputs, (bytes) => heldTo(64 * bytes.length, () => read(bytes))),
        { numRuns: Math.ceil(MANY / 3) },
      );
    },
  );
});
