import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { DEFAULT_CAPS } from "../../src/graph/op.ts";
import type { TensorSpec } from "../../src/graph/tensor.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const moving = ["permute", "concat", "part", "pad", "reflectGradient", "upsample", "upsampleGradient"];
const others = ["maxout", "maxoutGradient", "multiply", "prelu", "preluGradient", "preluTerms"];

test.each([...moving, ...others])("a device that can bind little: %s works row by row", async (name) => {
  const op = opNamed(name);
  let cut = 0;
  for (const maxStorageBufferBindingSize of [1024, 32768, 131072]) {
    const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize };
    for (const c of (await proofOf(op)).cases) {
      const specs = c.inputs as readonly TensorSpec[];
      for (const kernel of op.kernels) {
        const plan = (limits: typeof caps) =>
          kernel.plan(specs, op.infer(specs, c.attrs), c.attrs, limits)!.launches.length;
        try {
          if (plan(caps) > plan(DEFAULT_CAPS)) cut++;
        } catch (error) {
          expect(error, c.name).toBeInstanceOf(ChainruleError);
          expect((error as ChainruleError).code).toBe("limit");
          continue;
        }
        const result = await conform(gpu.gpu, op, kernel, c, { caps });
        expect(result?.reason, `${kernel.name} ${c.name}`).toBe("");
      }
    }
  }
  expect(cut, "cases that were cut").toBeGreaterThan(0);
});
