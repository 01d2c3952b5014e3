import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu } from "./gpu.ts";

/** Ops that have a file of their own, test/gpu/matmul.test.ts, since whatever else it tests needs the same pipelines. */
export const isProduct = ({ name }: AnyOp): boolean => name === "matmul" || name === "transposeMatmul";

/** Declares a test for each kernel of the given ops: its cases, all or the first so many, within the proved bounds. */
export function conformanceTests(ops: readonly AnyOp[], most = Number.POSITIVE_INFINITY): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());
  for (const op of ops) {
    describe(op.name, () => {
      for (const kernel of op.kernels) {
        test(`${kernel.name} agrees with the reference on every case`, async () => {
          const lacks = kernel.needs !== undefined && !gpu.gpu.caps[kernel.needs];
          let applied = 0;
          for (const c of (await proofOf(op)).cases) {
            if (applied === most) break;
            const result = await conform(gpu.gpu, op, kernel, c);
            if (!result) continue;
            applied++;
            expect(result.reason, `${kernel.name}, ${c.name}, ${gpu.description}`).toBe("");
          }
          if (lacks) expect(applied, `cases, without ${kernel.needs}`).toBe(0);
          else expect(applied, "cases that the kernel applies to").toBeGreaterThan(0);
        });
      }
    });
  }
}
