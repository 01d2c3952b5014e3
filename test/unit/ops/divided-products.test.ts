import { describe, expect, test } from "vitest";
import { matmulParams } from "../../../shaders/matmul/common.ts";
import { DEFAULT_CAPS, type Kernel } from "../../../src/graph/op.ts";
import { productRungs } from "../../../src/ops/matmul/kernels.ts";
import { matmul } from "../../../src/ops/matmul/matmul.ts";
import { uniformKernels } from "../../../src/ops/matmul/uniform.ts";

/** A sum that is divided among workgroups: `sliceK` terms each, which the last may have fewer of. */
const caps = {
  ...DEFAULT_CAPS,
  vendor: "intel",
  subgroups: true,
  subgroupMaxSize: 32,
  maxComputeWorkgroupStorageSize: 32768,
};
const kernels: readonly Kernel<null>[] = [...matmul.kernels, ...uniformKernels(matmul, productRungs)];
const divided = kernels.filter(({ name }) => name.endsWith("-split"));
/** Around whole blocks of every depth, and around where another part begins. */
const lengths = [32, 16, 4, 1]
  .flatMap((unit) => [8, 17, 33, 61, 157, 314, 1250].map((n) => n * unit))
  .filter((K) => K >= 256);

function parts(kernel: Kernel<null>, M: number, N: number, K: number) {
  const inputs = [
    { shape: [M, K], dtype: "f32" },
    { shape: [K, N], dtype: "f32" },
  ] as const;
  const plan = kernel.plan(inputs, matmul.infer(inputs, null), null, caps);
  if (!plan) return null;
  const [first] = plan.launches;
  const words = new Uint32Array(first!.params!);
  const at = (name: string): number => words[Object.keys(matmulParams.fields).indexOf(name)]!;
  return { sliceK: at("sliceK"), slices: at("slices"), workgroups: first!.workgroups[2], scratch: plan.scratch![0]! };
}

test("there are some", () => expect(divided.length).toBeGreaterThanOrEqual(6));

describe.each(divided)("$name", (kernel) => {
  test("every part has terms, and all of them together have all", () => {
    for (const [M, N] of [
      [3, 5],
      [130, 70],
    ] as const) {
      for (const K of lengths) {
        const found = parts(kernel, M, N, K);
        if (!found) continue;
        const { sliceK, slices, workgroups, scratch } = found;
        expect(workgroups, `${K}`).toBe(slices);
        expect(scratch.shape, `${K}`).toEqual([slices, M, N]);
        expect((slices - 1) * sliceK, `${K} in ${slices}`).toBeLessThan(K);
        expect(slices * sliceK, `${K} in ${slices}`).toBeGreaterThanOrEqual(K);
      }
    }
  });

  test("parts are whole blocks where the sum is, and whole fours always", () => {
    let found = 0;
    for (const K of lengths) {
      const part = parts(kernel, 3, 5, K)?.sliceK;
      if (part === undefined) continue;
      found++;
      expect(part % ([32, 16].find((depth) => K % depth === 0) ?? 4), `${K}: ${part}`).toBe(0);
    }
    expect(found).toBeGreaterThan(9);
  });
});
