import { describe, expect, test } from "vitest";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { candidatesOf, suffixOf } from "../../src/backend/webgpu/tuner-candidates.ts";
import type { Node } from "../../src/graph/graph.ts";
import { type AnyOp, DEFAULT_CAPS, type DeviceCaps } from "../../src/graph/op.ts";
import { conv, convWeightGradient } from "../../src/ops/conv/conv.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";

const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" }) as const;
function nodeOf(op: AnyOp, attrs: unknown, ...inputs: ReturnType<typeof f32>[]): Node {
  return { op, attrs, inputs, outputs: op.infer(inputs, attrs) } as unknown as Node;
}
const plain = {
  stride: [1, 1],
  dilation: [1, 1],
  groups: 1,
  padding: [
    [1, 1],
    [1, 1],
  ],
};
const images = f32(32, 64, 28, 28);
const nodes = {
  product: nodeOf(matmul as AnyOp, null, f32(512, 512), f32(512, 512)),
  convolution: nodeOf(conv as AnyOp, plain, images, f32(64, 64, 3, 3)),
  "its kernel's gradient": nodeOf(convWeightGradient as AnyOp, { ...plain, kernel: [3, 3] }, images, images),
};

function candidates(node: Node, caps: Partial<DeviceCaps>): readonly string[] {
  const all = { ...DEFAULT_CAPS, maxComputeWorkgroupStorageSize: 32768, ...caps };
  return candidatesOf(node, all, chooseKernel(node, all).kernel).map(({ name }) => suffixOf(name));
}
const LARGE = /^block(64|64-split|64x128|64x128-split|128)?$/;

describe.each(Object.entries(nodes))("%s: what is measured", (_name, node) => {
  test.each(["intel", "arm", "img-tec"])("tiles that do not fit in the registers of %s are not", (vendor) => {
    const found = candidates(node, { vendor });
    expect(found.filter((name) => LARGE.test(name))).toEqual([]);
    expect(found.length).toBeGreaterThan(2);
  });

  test.each(["amd", "nvidia", "apple", "qualcomm"])("they are where %s has registers for them", (vendor) => {
    expect(candidates(node, { vendor }).some((name) => LARGE.test(name))).toBe(true);
  });

  test("and where an adapter does not say whose it is, as in Firefox, or computes on a CPU", () => {
    expect(candidates(node, { vendor: "" }).some((name) => LARGE.test(name))).toBe(true);
    expect(candidates(node, { vendor: "mesa", onCpu: true }).some((name) => LARGE.test(name))).toBe(true);
  });

  test("the first guess comes first, and nothing twice", () => {
    for (const vendor of ["intel", "nvidia", ""]) {
      const caps = { ...DEFAULT_CAPS, vendor, maxComputeWorkgroupStorageSize: 32768 };
      const found = candidates(node, { vendor });
      expect(found[0]).toBe(suffixOf(chooseKernel(node, caps).kernel.name));
      expect(new Set(found).size).toBe(found.length);
    }
  });
});
