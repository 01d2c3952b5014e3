import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import type { AnyOp, CaseInput, OpCase } from "../../src/graph/op.ts";
import { type AttentionAttrs, attention, attentionGradient } from "../../src/ops/attention/attention.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu } from "../shared/gpu.ts";
import { thorough, times } from "../shared/thorough.ts";

describe("forms that other adapters take", () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  test.each([
    ["a head's row by one invocation, of many registers", { vendor: "amd" }, "p=0.4"],
    ["a head's parts through workgroup memory", { vendor: "", subgroups: false }, "heads of 16"],
  ])("%s", async (_name, own, which) => {
    for (const op of [attention, attentionGradient] as readonly AnyOp[]) {
      const c = (await proofOf(op)).cases.find(({ name }) => name.includes(which))!;
      const kernel = op.kernels.find((k) => k.name.endsWith("/block"))!;
      const result = await conform(gpu.gpu, op, kernel, c, { caps: { ...gpu.gpu.caps, ...own } });
      expect(result!.reason, c.name).toBe("");
    }
  });
});

/** Widths that nets have, whose kernels take long to compile: beside those of every op's conformance. */
const widths = [32, 64, 128].slice(0, times(1, 3));

describe.each(widths)("heads of %i", (d) => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  const attrs: AttentionAttrs = { heads: 2, keyHeads: 1, causal: true, lengths: false, dropout: null };
  const qkv: CaseInput = { shape: [1, 67, 4 * d], dtype: "f32" };

  const some = attention.kernels.filter(({ name }) => name.endsWith("quads") || (thorough && name.endsWith("block")));
  test.each(some)("$name", async (kernel) => {
    // Registers that are few hold no block of the widest heads: it is made as for those who have many.
    const vendor = d > 64 && kernel.name.endsWith("block") ? "amd" : gpu.gpu.caps.vendor;
    const caps = { ...gpu.gpu.caps, vendor };
    const result = await conform(gpu.gpu, attention, kernel, { name: "causal", inputs: [qkv], attrs }, { caps });
    if (!gpu.gpu.caps.subgroups && kernel.needs) expect(result).toBeNull();
    else expect(result!.reason).toBe("");
  });

  test("back, by the kernel that is chosen on a CPU's adapter", async () => {
    const x = ndarray(
      qkv.shape,
      "f64",
      Float64Array.from({ length: 67 * 4 * d }, (_, i) => Math.fround(Math.sin(i * i))),
    );
    const [o, lse] = attention.reference([x], attrs);
    const fixed = (a: typeof x): CaseInput => ({ shape: a.shape, dtype: "f32", fill: Array.from(a.data, Math.fround) });
    const c: OpCase<AttentionAttrs> = {
      name: "causal",
      inputs: [{ shape: o!.shape, dtype: "f32" }, fixed(x), fixed(o!), fixed(lse!)],
      attrs,
    };
    const kernel = attentionGradient.kernels.find((k) => k.name.endsWith(gpu.gpu.caps.subgroups ? "quads" : "block"))!;
    expect((await conform(gpu.gpu, attentionGradient, kernel, c))!.reason).toBe("");
  });
});
