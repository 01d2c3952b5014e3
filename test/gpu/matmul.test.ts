import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { runKernel } from "../../src/backend/webgpu/run-kernel.ts";
import { caseInputs } from "../../src/graph/case-inputs.ts";
import { type AnyOp, DEFAULT_CAPS } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/all.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { matmulCase, product, productGate } from "../../src/ops/matmul/reference.ts";
import { conformanceTests, isProduct } from "../shared/conformance.ts";
import { openGpu } from "../shared/gpu.ts";
import { thorough, times } from "../shared/thorough.ts";

const forms = [
  { form: "NN", op: matmul as AnyOp, attrs: null },
  { form: "NT", op: transposeMatmul as AnyOp, attrs: { transpose: "b" } },
  { form: "TN", op: transposeMatmul as AnyOp, attrs: { transpose: "a" } },
] as const;

conformanceTests(ops.filter(isProduct), { all: thorough });

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

describe.each(forms)("$form", ({ form, op, attrs }) => {
  test("any shape, every kernel, inside the statistical gate", async () => {
    const size = fc.integer({ min: 1, max: 90 });
    const property = fc.asyncProperty(size, size, size, fc.integer({ min: 1, max: 1000 }), async (M, N, K, seed) => {
      const c = matmulCase(form, M, N, K, attrs);
      for (const kernel of op.kernels) {
        const gate: NonNullable<Parameters<typeof conform>[4]>["gate"] = (inputs, [exact]) => [
          productGate(form, inputs, exact!),
        ];
        const result = await conform(gpu.gpu, op, kernel, c, { seed, gate });
        if (result) expect(result.reason, `${kernel.name} ${M}x${N}x${K}`).toBe("");
      }
    });
    await fc.assert(property, { numRuns: times(2, 12) });
  });

  test("integers come out bit for bit", async () => {
    const [M, N, K] = [37, 41, 130];
    const c = matmulCase(form, M, N, K, attrs);
    const integers = { ...c, inputs: c.inputs.map((i) => ({ ...i, fill: "integers" as const })) };
    const inputs = caseInputs(integers, 3);
    const exact = product(form, inputs[0]!, inputs[1]!);
    for (const kernel of op.kernels) {
      const run = await runKernel(gpu.gpu, op, kernel, inputs, attrs);
      if (run) expect(Array.from(run.outputs[0]!.data), kernel.name).toEqual(Array.from(exact.data));
    }
  });

  test("a sum of more turns than an invocation's loops may take", async () => {
    const kernel = op.kernels.find(({ name }) => name.endsWith("/packed-quads"))!;
    const result = await conform(gpu.gpu, op, kernel, matmulCase(form, 3, 9, 21_570, attrs), { seed: 5 });
    if (result) expect(result.reason).toBe("");
  });

  test("in panels, where an operand is larger than what can be bound at once", async () => {
    const caps = { ...DEFAULT_CAPS, maxStorageBufferBindingSize: 8192 };
    const sizes = [[70, 44, 96], [3, 300, 260], [200, 9, 33], [64, 64, 64]] as const; // biome-ignore format: a row
    for (const [i, kernel] of op.kernels.entries()) {
      // Each cut is code of its own: of the sizes that a kernel takes one, another in each form.
      const turn = i + forms.findIndex((f) => f.form === form);
      for (const [M, N, K] of [0, 1, 2, 3].map((k) => sizes[(turn + k) % 4]!)) {
        const result = await conform(gpu.gpu, op, kernel, matmulCase(form, M, N, K, attrs), { caps });
        if (result) expect(result.reason, `${kernel.name} ${M}x${N}x${K}`).toBe("");
        if (result && !thorough) break;
      }
    }
  });

  test("in a 2-D grid, where one dimension has too few workgroups", async () => {
    // As for many registers, of which more is written out.
    const caps = { ...DEFAULT_CAPS, maxComputeWorkgroupsPerDimension: 7, vendor: "nvidia" };
    for (const [i, kernel] of op.kernels.entries()) {
      // Of the op that has two forms each kernel in one of them, unless all are asked for.
      if (attrs && !thorough && (i % 2 === 0) !== (form === "NT")) continue;
      const result = await conform(gpu.gpu, op, kernel, matmulCase(form, 130, 70, 20, attrs), { caps });
      if (result) expect(result.reason, kernel.name).toBe("");
    }
  });
});
