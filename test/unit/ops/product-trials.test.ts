import { describe, expect, test } from "vitest";
import type { TensorSpec } from "../../../src/graph/graph.ts";
import { type AnyOp, DEFAULT_CAPS } from "../../../src/graph/op.ts";
import { matmul, transposeMatmul } from "../../../src/ops/matmul/matmul.ts";

/** Problems that stand for a net's own: where kernels are timed, and where their known answers are worked out. */
const caps = { ...DEFAULT_CAPS, vendor: "amd", subgroups: true, maxComputeWorkgroupStorageSize: 32768 };
const forms = [
  { form: "NN", op: matmul as AnyOp, attrs: null },
  { form: "NT", op: transposeMatmul as AnyOp, attrs: { transpose: "b" } },
  { form: "TN", op: transposeMatmul as AnyOp, attrs: { transpose: "a" } },
] as const;
const shaped = (form: string, M: number, N: number, K: number): readonly TensorSpec[] => [
  { shape: form === "TN" ? [K, M] : [M, K], dtype: "f32" },
  { shape: form === "NT" ? [N, K] : [K, N], dtype: "f32" },
];

/** The problem, and all that are made of it, each half of the one before. */
async function halvings(op: AnyOp, attrs: unknown, first: readonly TensorSpec[]) {
  const found: (readonly TensorSpec[])[] = [];
  for (let p: readonly TensorSpec[] | null = first; p; p = await op.trial!.halve(p, attrs)) found.push(p);
  return found;
}

describe.each(forms)("$form", ({ form, op, attrs }) => {
  // Whole blocks of 32 terms and of 16, whole fours, and neither.
  test.each([
    [512, 512, 512],
    [512, 640, 784],
    [128, 256, 1040],
    [256, 256, 500],
    [260, 132, 1056],
    [130, 70, 301],
  ])("kernels of %i x %i x %i have the same code however much smaller it is", async (M, N, K) => {
    const [first, ...smaller] = await halvings(op, attrs, shaped(form, M, N, K));
    expect(smaller.length).toBeGreaterThan(1);
    for (const kernel of op.kernels.filter(({ name }) => /\/block\w+$/.test(name))) {
      const code = (inputs: readonly TensorSpec[]) =>
        kernel.plan(inputs, op.infer(inputs, attrs), attrs, caps)!.launches[0]!.code;
      for (const problem of smaller)
        expect(code(problem) === code(first!), `${kernel.name} ${problem[0]!.shape}`).toBe(true);
    }
  });

  test("terms are halved first, so that as many workgroups are at work", async () => {
    const [, ...smaller] = await halvings(op, attrs, shaped(form, 4096, 4096, 4096));
    const sizes = smaller.map((problem) => {
      const [y] = op.infer(problem, attrs);
      const [M, N] = y!.shape as readonly [number, number];
      return [M, N, problem[0]!.shape[form === "TN" ? 0 : 1]];
    });
    expect(sizes.slice(0, 4)).toEqual([
      [4096, 4096, 2048],
      [4096, 4096, 1024],
      [4096, 4096, 512],
      [2048, 4096, 512],
    ]);
    // Until nothing is long.
    expect(Math.max(...(sizes.at(-1) as number[]))).toBeLessThan(256);
  });
});
