import { describe, expect, test } from "vitest";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { type ConformanceResult, conform } from "../../src/backend/webgpu/conform.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { sizeOf } from "../../src/core/ndarray.ts";
import type { OpCase } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/all.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { teethTests } from "../shared/teeth.ts";
import { times } from "../shared/thorough.ts";
import { mutants } from "./mutants.ts";

describe("wrong kernels are caught, all of them", () => teethTests(mutants));

describe("Dawn's null backend, which computes nothing", () => {
  test("fails numeric cases of every kernel, two of each at least", async () => {
    const idle = await webgpuBackend(await createNodeGpu({ backend: "null" }));
    const results: ConformanceResult[] = [];
    for (const op of ops) {
      for (const kernel of op.kernels) {
        let applied = 0;
        // The smallest first: what is compared with nothing may be short.
        const size = (c: OpCase<unknown>): number => c.inputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
        for (const c of [...(await proofOf(op)).cases].sort((a, b) => size(a) - size(b))) {
          if (applied === times(2, Number.POSITIVE_INFINITY)) break;
          const result = await conform(idle.gpu, op, kernel, c);
          if (!result) continue;
          applied++;
          results.push(result);
        }
      }
    }
    idle.dispose();
    expect(results.length).toBeGreaterThan(300);
    expect(results.filter((r) => r.pass).map((r) => `${r.kernel} ${r.case}`)).toEqual([]);
  });
});
