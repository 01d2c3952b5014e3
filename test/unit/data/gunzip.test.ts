import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ChainruleError } from "../../../src/core/errors.ts";
import { gunzipIfNeeded } from "../../../src/data/gunzip.ts";

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

  it("stops where a small file grows out of proportion", async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(8 << 20)));
    await expect(gunzipIfNeeded("a", bomb)).rejects.toThrow(`decompresses to more than ${200 * bomb.length} bytes`);
  });

  it("refuses a stream that is cut short or damaged", async () => {
    await expect(gunzipIfNeeded("a", compressed.slice(0, -1))).rejects.toThrow("a: the gzip stream is damaged");
    await expect(gunzipIfNeeded("a", compressed.slice(0, 2))).rejects.toThrow(ChainruleError);
    const wrongSum = compressed.with(compressed.length - 6, compressed.at(-6)! ^ 1);
    await expect(gunzipIfNeeded("a", wrongSum)).rejects.toThrow(ChainruleError);
  });
});
