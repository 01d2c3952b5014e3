import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChainruleError } from "../../../src/core/errors.ts";
import { gunzipIfNeeded } from "../../../src/data/gunzip.ts";
import { mutations, RUNS } from "../io/fuzz.ts";

const plain = Uint8Array.from({ length: 20_000 }, (_, i) => (i * i) >> 3);
const compressed = new Uint8Array(gzipSync(plain));

describe("gunzipIfNeeded", () => {
  it("passes plain bytes through and decompresses gzip, whatever the name", async () => {
    expect(await gunzipIfNeeded("a.gz", plain)).toBe(plain);
    expect(await gunzipIfNeeded("a", compressed)).toEqual(plain);
  });

  it("stops at its limit", async () => {
    expect(await gunzipIfNeeded("a", compressed, plain.length)).toEqual(plain);
    await expect(gunzipIfNeeded("a", compressed, plain.length - 1)).rejects.toThrow(
      "a: decompresses to more than 19999 bytes",
    );
  });

  it("refuses a stream that is cut short or damaged", async () => {
    await expect(gunzipIfNeeded("a", compressed.slice(0, -1))).rejects.toThrow("a: the gzip stream is damaged");
    await expect(gunzipIfNeeded("a", compressed.slice(0, 2))).rejects.toThrow(ChainruleError);
    const wrongSum = compressed.with(compressed.length - 6, compressed.at(-6)! ^ 1);
    await expect(gunzipIfNeeded("a", wrongSum)).rejects.toThrow(ChainruleError);
  });

  it("throws nothing but ChainruleError", async () => {
    const small = new Uint8Array(gzipSync(plain.subarray(0, 64)));
    await fc.assert(
      fc.asyncProperty(mutations(small), async (bytes) => {
        const error = await gunzipIfNeeded("a", bytes, 1e6).then(
          () => null,
          (e: unknown) => e,
        );
        return error === null || error instanceof ChainruleError;
      }),
      { numRuns: RUNS },
    );
  });
});
