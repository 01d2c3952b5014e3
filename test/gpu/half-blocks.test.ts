import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { Node } from "../../src/graph/graph.ts";
import { type AnyOp, DEFAULT_CAPS, type DeviceCaps, type Kernel } from "../../src/graph/op.ts";
import { halved } from "../../src/ops/half/halved.ts";
import { halfBlockKernels } from "../../src/ops/matmul/half-blocks.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { matmulCase } from "../../src/ops/matmul/reference.ts";
import { openGpu } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import { thorough } from "../shared/thorough.ts";

/**
 * Blocks of halves in workgroup memory. SwiftShader has no f16, so here their text has f32 in its place: the same fills, places
 * and loops. With halves they are in half-conformance.test.ts wherever a driver has them, as lavapipe does.
 */
const wide = (code: string): string => code.replaceAll("vec4<f16>", "vec4<f32>");
const forms = [
  { form: "NN", op: matmul as AnyOp, attrs: null },
  { form: "NT", op: transposeMatmul as AnyOp, attrs: { transpose: "b" } },
  { form: "TN", op: transposeMatmul as AnyOp, attrs: { transpose: "a" } },
] as const;
const kernelOf = (op: AnyOp, rung: string): Kernel<unknown> =>
  halfBlockKernels(op).find(({ name }) => name === `${op.name}/${rung}-halves`)!;

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

/** Edges, whole blocks, and parts of a sum: of each form one, and all under test:all. */
const sizes: readonly (readonly [rung: string, M: number, N: number, K: number])[] = [
  ["block64", 65, 68, 33],
  ["block64", 64, 64, 32],
  ["block64-split", 12, 8, 1056],
];
test.each(forms.flatMap((form, i) => sizes.filter((_, j) => thorough || i === j).map((size) => ({ ...form, size }))))(
  "$form, $size",
  async ({ form, op, attrs, size: [rung, M, N, K] }) => {
    const c = matmulCase(form, M, N, K, attrs);
    const result = await conform(gpu.gpu, op, kernelOf(op, rung), c, { edit: wide });
    expect(result?.reason, `${rung}, ${c.name}`).toBe("");
  },
);

const wrong = [
  ["terms behind the last are not zeros", /select\(vec4<f16>\(\), (\w+), [^;]*\);/g, "$1;"],
  ["the next four columns are the same", "blockB[k + 0u][8u + local.x]", "blockB[k + 0u][local.x]"],
  ["rows of A are those of the next block", "blockA[q0 + 1u]", "blockA[q0 + 2u]"],
] as const;
test.each(wrong.slice(0, thorough ? undefined : 1))("a wrong kernel is caught: %s", async (what, from, to) => {
  const kernel = kernelOf(matmul as AnyOp, "block64");
  const edited: Kernel<unknown> = {
    ...kernel,
    plan(...given) {
      const plan = kernel.plan(...given)!;
      return { ...plan, launches: plan.launches.map((l) => ({ ...l, code: l.code.replace(from, to) })) };
    },
  };
  const mutant = { op: "matmul", kernel: kernel.name, what, from: /vec4<f16>/g, to: "vec4<f32>" };
  await expectCaught(gpu, { ...(matmul as AnyOp), kernels: [edited] }, mutant, [matmulCase("NN", 70, 68, 33, null)]);
});

describe("the first guess", () => {
  const op = halved(matmul as AnyOp);
  const guess = (size: number, caps: Partial<DeviceCaps>, dtypes: readonly ["f16" | "f32", "f16"] = ["f16", "f16"]) => {
    const inputs = dtypes.map((dtype) => ({ shape: [size, size], dtype }));
    const node = { op, attrs: null, inputs, outputs: op.infer(inputs, null) } as unknown as Node;
    return chooseKernel(node, { ...DEFAULT_CAPS, shaderF16: true, ...caps }).kernel.name.split("/")[1];
  };
  test.each([
    ["amd", "rdna-3", 512, "block64-split-halves"],
    ["amd", "rdna-2", 1024, "block64-halves"],
    ["amd", "rdna-4", 4096, "block128-halves"],
    ["apple", "common-3", 1024, "block64-halves"],
    ["amd", "gcn-5", 1024, "block64"],
    ["nvidia", "hopper", 4096, "block128"],
    ["qualcomm", "adreno-7xx", 1024, "block64"],
    ["intel", "gen-12hp", 1024, "block64-wide"],
  ] as const)("%s %s, %i: %s", (vendor, architecture, size, expected) => {
    expect(guess(size, { vendor, architecture })).toBe(expected);
  });

  test("not where one operand is f32, or a device has no f16", () => {
    const rdna = { vendor: "amd", architecture: "rdna-3" };
    expect(guess(1024, rdna, ["f32", "f16"])).toBe("block64");
    expect(guess(1024, { ...rdna, shaderF16: false })).toBe("block64");
  });
});
