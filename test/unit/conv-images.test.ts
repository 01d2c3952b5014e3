import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { imageChunks } from "../../src/ops/conv/images.ts";

const caps = (bytes: number) => ({ ...DEFAULT_CAPS, maxStorageBufferBindingSize: bytes });

test("chunks of images: each image once and in order, no window above the limit or off the grid of offsets", () => {
  const size = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), size, size, fc.integer({ min: 6, max: 40 }), (n, x, y, kilo) => {
      const limit = kilo * 256;
      const chunks = imageChunks({ name: "conv" }, n, { x, y }, caps(limit));
      let next = 0;
      for (const { first, count, x: wx, y: wy, whole } of chunks) {
        expect(first).toBe(next);
        next += count;
        expect(whole).toBe(chunks.length === 1 && n * Math.max(x, y) * 4 <= limit);
        for (const [window, each] of [
          [wx, x],
          [wy, y],
        ] as const) {
          expect(window.offset % 64).toBe(0);
          expect(window.offset + window.rest).toBe(first * each);
          expect(window.rest + count * each).toBe(window.size);
          expect(window.size * 4).toBeLessThanOrEqual(limit);
        }
      }
      expect(next).toBe(n);
    }),
  );
});

test("an image that is too large is refused with its bytes and the limit", () => {
  expect(() => imageChunks({ name: "conv" }, 3, { x: 10, y: 4000 }, caps(8192))).toThrow(
    /^conv: an image of 16000 bytes .*maxStorageBufferBindingSize, 8192 bytes\); use fewer channels or smaller images$/,
  );
});
