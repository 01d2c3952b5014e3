import { describe, expect, test } from "vitest";
import { checkOp } from "../../../src/check/op.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import type { AnyOp, GraphBuilder, Op } from "../../../src/graph/op.ts";
import { DEFAULT_CAPS } from "../../../src/graph/op.ts";
import { type AttentionAttrs, attention, attentionGradient } from "../../../src/ops/attention/attention.ts";
import { rotary } from "../../../src/ops/attention/rotary.ts";
import { rotaryTable } from "../../../src/ops/attention/rotary-table.ts";
import { proofOf } from "../../../src/proof/proof-of.ts";

const plain: AttentionAttrs = { heads: 1, keyHeads: 1, causal: false, lengths: false, dropout: null };
const spec = (shape: readonly number[], dtype: "f32" | "i32" | "u32" = "f32") => ({ shape, dtype });
const f64 = (shape: readonly number[], values: readonly number[]) => ndarray(shape, "f64", values);

/** Attention without what it keeps for its gradient, which no loss depends on. */
async function outputAlone(change: (v: number) => number = (v) => v, most = 99): Promise<Op<AttentionAttrs>> {
  const rule = attention.gradient as Exclude<AnyOp["gradient"], "none">;
  const changed: Op<null> = {
    name: "changed",
    infer: ([x]) => [x!],
    reference: ([x]) => [{ ...x!, data: x!.data.map(change) as typeof x.data }],
    gradient: "none",
    kernels: [],
    proof: { cases: [] },
  };
  return {
    ...attention,
    proof: { cases: (await proofOf(attention)).cases.slice(0, most) },
    infer: (inputs, attrs) => attention.infer(inputs, attrs).slice(0, 1),
    reference: (inputs, attrs) => attention.reference(inputs, attrs).slice(0, 1),
    gradient: (g: GraphBuilder, { inputs, attrs }, dys) => {
      const [o] = g.add(attention, inputs, attrs);
      return rule(g, o!.node!, dys).map((dx) => dx && g.one<null>(changed, [dx], null));
    },
  };
}

describe("gradient of attention", () => {
  test("is what central differences say, on every case", async () => {
    const report = await checkOp(await outputAlone(), { backend: null, samples: 24 });
    expect(report.reason).toBe("");
    expect(report.gradients.length).toBe((await proofOf(attention)).cases.length);
  });

  test.each([
    ["twice as large", (v: number) => 2 * v],
    ["of the other sign", (v: number) => -v],
    ["a little too large", (v: number) => 1.001 * v],
  ])("%s is noticed", async (_what, change) => {
    expect((await checkOp(await outputAlone(change, 4), { backend: null })).pass).toBe(false);
  });
});

test("rotary: its gradient is what central differences say", async () => {
  const report = await checkOp(rotary, { backend: null });
  expect(report.reason).toBe("");
  expect(report.gradients.length).toBe((await proofOf(rotary)).cases.length);
});

test("rotary turns value i with value i + d / 2 by step / base^(2 i / d), and back", () => {
  const table = rotaryTable(3, 4, 16);
  const x = f64([1, 3, 5], [0, 0, 0, 0, 7, 1, 1, 0, 0, 7, 0, 0, 1, 2, 7]);
  const [y] = rotary.reference([x, table], { heads: 1, back: false });
  const [c, s] = [Math.cos, Math.sin];
  const wanted = [0, 0, 0, 0, 7, c(1), c(1 / 4), s(1), s(1 / 4), 7, -s(2), -2 * s(1 / 2), c(2), 2 * c(1 / 2), 7];
  wanted.forEach((v, i) => {
    expect(y!.data[i]).toBeCloseTo(v, 14);
  });
  const [z] = rotary.reference([y!, table], { heads: 1, back: true });
  x.data.forEach((v, i) => {
    expect(z!.data[i]).toBeCloseTo(v, 14);
  });
  expect(() => rotary.infer([spec([1, 3, 5]), spec([3, 3])], { heads: 1, back: false })).toThrow(/an even d/);
});

test("weights are a softmax of products over the root of the width", () => {
  // Two steps of width 4: q k / 2 is 0 and ln 3, so weights are 1/4 and 3/4.
  const half = Math.log(3) / 2;
  const step = (q: number, k: number, v: number) => [q, q, q, q, k, k, k, k, v, 2 * v, 0, -v];
  const qkv = f64([1, 2, 12], [...step(1, 0, 4), ...step(0, half, 8)]);
  const [o, lse] = attention.reference([qkv], plain);
  [7, 14, 0, -7, 6, 12, 0, -6].forEach((v, i) => {
    expect(o!.data[i]).toBeCloseTo(v, 13);
  });
  [Math.log(4), Math.log(2)].forEach((v, i) => {
    expect(lse!.data[i]).toBeCloseTo(v, 14);
  });
});

test("causal: a step sees itself and what came before", () => {
  const qkv = f64([1, 3, 3], [0, 0, 1, 0, 0, 4, 0, 0, 10]);
  const [o] = attention.reference([qkv], { ...plain, causal: true });
  [1, 2.5, 5].forEach((v, i) => {
    expect(o!.data[i]).toBeCloseTo(v, 14);
  });
});

test("keys behind a row's length are not seen, queries there give 0, and neither has a gradient", () => {
  const qkv = f64([2, 2, 3], [0, 0, 2, 0, 0, Number.NaN, 1, 2, 3, 4, 5, 6]);
  const lengths = ndarray([2], "i32", [1, 0]);
  const attrs = { ...plain, lengths: true };
  const [o, lse] = attention.reference([qkv, lengths], attrs);
  expect([...o!.data]).toEqual([2, 0, 0, 0]);
  expect([...lse!.data]).toEqual([0, 0, 0, 0]);
  const dy = f64([2, 2, 1], [1, 1, 1, 1]);
  const [dqkv] = attentionGradient.reference([dy, qkv, o!, lse!, lengths], attrs);
  expect([...dqkv!.data]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("heads of queries share heads of keys, neighbours first", () => {
  // Four heads of one step each read one of two values.
  const qkv = f64([1, 1, 8], [0, 0, 0, 0, 0, 0, 7, 9]);
  expect([...attention.reference([qkv], { ...plain, heads: 4, keyHeads: 2 })[0]!.data]).toEqual([7, 7, 9, 9]);
});

test("memory grows with the steps, not with their square", () => {
  const bytes = (t: number): number => {
    const qkv = spec([1, t, 96]);
    const [o, lse] = attention.infer([qkv], plain);
    const caps = { ...DEFAULT_CAPS, subgroups: true, onCpu: true };
    const dy = o!;
    const sizes = [
      ...attention.kernels.map((k) => k.plan([qkv], [o!, lse!], plain, caps)?.scratch ?? []),
      ...attentionGradient.kernels.map((k) => k.plan([dy, qkv, o!, lse!], [qkv], plain, caps)?.scratch ?? []),
      attention.wasm!([qkv], [o!, lse!], plain)!.scratch!,
      attentionGradient.wasm!([dy, qkv, o!, lse!], [qkv], plain)!.scratch!,
    ].flatMap((list) => list.map(({ shape }) => shape.reduce((a, b) => a * b, 4)));
    return sizes.reduce((a, b) => a + b, 0);
  };
  expect(bytes(8192)).toBeLessThanOrEqual(2.1 * bytes(4096));
  expect(bytes(8192)).toBeLessThan(8192 * 8192);
});

test.each([
  [
    "heads that keys do not divide",
    [spec([1, 2, 8])],
    { ...plain, heads: 3, keyHeads: 2 },
    /keyHeads must divide heads, got 2 and 3/,
  ],
  [
    "a width that heads do not divide",
    [spec([1, 2, 8])],
    { ...plain, heads: 2, keyHeads: 2 },
    /a last axis that 6 heads divide/,
  ],
  ["rows without steps", [spec([2, 12])], plain, /expected qkv \[n, t/],
  ["lengths that are missing", [spec([1, 2, 3])], { ...plain, lengths: true }, /lengths \[n\]/],
  ["lengths of another batch", [spec([2, 2, 3]), spec([3], "i32")], { ...plain, lengths: true }, /lengths i32 \[2\]/],
  ["lengths that are no whole numbers", [spec([2, 2, 3]), spec([2])], { ...plain, lengths: true }, /lengths i32 \[2\]/],
  [
    "a probability of 1",
    [spec([1, 2, 3]), spec([4], "u32")],
    { ...plain, dropout: { p: 1, seed: 0, layer: 0 } },
    /p must be at least 0 and below 1, got 1/,
  ],
  [
    "more weights than random words",
    [spec([2, 65536, 3]), spec([4], "u32")],
    { ...plain, dropout: { p: 0.1, seed: 0, layer: 0 } },
    /2\^32 random words/,
  ],
] as const)("refused: %s", (_what, inputs, attrs, message) => {
  expect(() => attention.infer(inputs, attrs)).toThrow(message);
});

test("a gradient of another shape is refused", () => {
  const [qkv, lse] = [spec([1, 2, 6]), spec([1, 1, 2])];
  expect(() => attentionGradient.infer([spec([1, 2, 3]), qkv, spec([1, 2, 2]), lse], plain)).toThrow(
    /dy, qkv, o and lse/,
  );
});
