import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import { matmulPanels } from "../../src/ops/matmul/panels.ts";
import { grid } from "../../src/ops/shared/dispatch-plan.ts";

const caps = (bytes: number) => ({ ...DEFAULT_CAPS, maxStorageBufferBindingSize: bytes });

describe("panels of a product", () => {
  test.each(["NN", "NT", "TN"] as const)("%s: every multiplication once, no window above the limit", (form) => {
    const size = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(size, size, size, fc.integer({ min: 2, max: 40 }), (M, N, K, kilo) => {
        const limit = kilo * 256;
        const panels = matmulPanels(form, M, N, K, caps(limit));
        if (typeof panels === "string") return;
        let work = 0;
        for (const p of panels) {
          work += p.M * p.N * p.K;
          for (const w of [p.a, p.b, p.c]) {
            expect(w.size * 4).toBeLessThanOrEqual(limit);
            expect((w.offset * 4) % 256).toBe(0);
            expect(w.rest).toBeLessThan(64);
          }
        }
        expect(work).toBe(M * N * K);
        expect(panels.filter((p) => p.last)).toHaveLength(panels.filter((p) => p.first).length);
      }),
    );
  });

  test("a row longer than the limit is refused with the bytes and the limit", () => {
    const refusal = matmulPanels("NN", 2, 5000, 3, caps(8192));
    expect(refusal).toMatch(/20000 bytes.*8192 bytes/);
  });
});

describe("grids of workgroups", () => {
  test("at least as many as asked for, no dimension above the limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000_000 }), fc.integer({ min: 4000, max: 65535 }), (count, max) => {
        const [x, y, z] = grid(count, { ...DEFAULT_CAPS, maxComputeWorkgroupsPerDimension: max });
        expect(x * y * z).toBeGreaterThanOrEqual(count);
        expect(x * y - count).toBeLessThan(y);
        expect(Math.max(x, y, z)).toBeLessThanOrEqual(max);
      }),
    );
  });
});
