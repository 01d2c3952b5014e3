import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { AnyKernel } from "../../src/backend/webgpu/choose.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { oneQuad } from "../../src/backend/webgpu/opening.ts";
import { stridedKernel } from "../../src/backend/webgpu/strided.ts";
import type { AnyOp, OpCase } from "../../src/graph/op.ts";
import { derivativeOf, epilogueOf, valuesOf } from "../../src/ops/elementwise/activation.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import { times } from "../shared/thorough.ts";
import type { Mutant } from "./mutants.ts";

/** The kernels of a run's first step, which no op's list has: held to the same cases and bounds, and as hard to fool. */

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

/** They are for adapters on a CPU whose invocations have quads. */
const here = (): boolean => gpu.gpu.caps.onCpu && gpu.gpu.caps.subgroups;

/** A text that has both functions of an activation. */
const textsOf = (name: string): readonly string[] => {
  const { spec } = activations[name]!;
  return [epilogueOf(spec), derivativeOf(spec)];
};
const activationOf = ({ attrs }: OpCase<unknown>) => (attrs as { activation?: string | null } | null)?.activation;

/** For a case: the text of the net that it would be in. A product without an activation has that of the others. */
const stridedFor = (op: AnyOp, c: OpCase<unknown>): AnyKernel =>
  stridedKernel(op.kernels[0]!, textsOf(activationOf(c) ?? "relu"))!;

const f32 = (...shape: readonly number[]) => ({ shape, dtype: "f32" as const });
/** Around a quad's rows (16), a workgroup's (32) and its columns (32). */
const sizes = [
  [31, 33, 5],
  [49, 64, 17],
  [1, 130, 3],
] as const;
const more: Readonly<Record<string, (M: number, N: number, K: number) => OpCase<unknown>["inputs"]>> = {
  matmul: (M, N, K) => [f32(M, K), f32(K, N)],
  linearWeightGradient: (M, N, K) => [f32(K, M), f32(K, N)],
};
const casesOf = async (op: AnyOp): Promise<readonly OpCase<unknown>[]> => [
  ...(await proofOf(op)).cases,
  ...(more[op.name]
    ? sizes.map(([M, N, K]) => ({ name: `${M}x${N}x${K}`, inputs: more[op.name]!(M, N, K), attrs: null }))
    : []),
];

const products = ["matmul", "transposeMatmul", "linear", "linearInputGradient", "linearWeightGradient"];
const quads = [
  ["controlAndRecord", "one"],
  ["crossEntropyWithGradient", "alone"],
] as const;
const quadOf = (op: AnyOp, name: string): AnyKernel =>
  oneQuad(op.kernels.find((k) => k.name === `${op.name}/${name}`)!);

async function expectRight(op: AnyOp, kernelOf: (c: OpCase<unknown>) => AnyKernel): Promise<void> {
  let held = 0;
  for (const c of await casesOf(op)) {
    const result = await conform(gpu.gpu, op, kernelOf(c), c);
    if (!result) continue;
    held++;
    expect(result.reason, c.name).toBe("");
  }
  expect(held).toBeGreaterThan(2);
}

describe("one pipeline for all products", () => {
  test.for(products)("%s is right by it", async (name, ctx) => {
    if (!here()) return ctx.skip();
    const op = opNamed(name);
    await expectRight(op, (c) => stridedFor(op, c));
  });

  test.for(Object.keys(activations).filter((_, i) => i % times(4, 1) === 0))(
    "with %s, there and back",
    async (name, ctx) => {
      if (!here()) return ctx.skip();
      const { spec } = activations[name]!;
      const attrs = { activation: name, alpha: spec.defaultAlpha ?? 0 };
      const v = { ...f32(5, 6), scale: 2, ...(spec.of === "y" ? { through: valuesOf(spec) } : {}) };
      const both = [
        ["linear", [f32(5, 7), f32(7, 6), f32(6)]],
        ["linearInputGradient", [f32(5, 7), f32(6, 7), v]],
      ] as const;
      for (const [opName, inputs] of both) {
        const [op, c] = [opNamed(opName), { name, inputs, attrs }];
        expect((await conform(gpu.gpu, op, stridedFor(op, c), c))?.reason, opName).toBe("");
      }
    },
  );

  test("it applies to no other activation than its text's, and where operands can be bound at once", () => {
    const op = opNamed("linear");
    const caps = { ...gpu.gpu.caps, onCpu: true, subgroups: true };
    const plan = (activation: string | null, texts: readonly string[], changed = {}) => {
      const [inputs, attrs] = [[f32(4, 8), f32(8, 4), f32(4)], { activation, alpha: 0 }];
      return stridedKernel(op.kernels[0]!, texts)!.plan(inputs, [f32(4, 4)], attrs, { ...caps, ...changed }); // biome-ignore format: one call
    };
    expect(plan("relu", textsOf("relu"))).not.toBeNull();
    expect(plan(null, textsOf("relu"))?.launches).toHaveLength(1);
    const codeOf = (p: ReturnType<typeof plan>) => p?.launches.map((l) => l.code);
    expect(codeOf(plan(null, textsOf("relu")))).toEqual(codeOf(plan("relu", textsOf("relu"))));
    expect(plan("tanh", textsOf("relu"))).toBeNull();
    expect(plan("relu", [])).toBeNull();
    for (const changed of [{ onCpu: false }, { subgroups: false }, { maxStorageBufferBindingSize: 127 }])
      expect(plan("relu", textsOf("relu"), changed)).toBeNull();
  });
});

describe("kernels of one workgroup by one quad", () => {
  test.for(quads)("%s", async ([name, kernel], ctx) => {
    if (!here()) return ctx.skip();
    const op = opNamed(name);
    await expectRight(op, () => quadOf(op, kernel));
  });
});

describe("wrong ones are caught", () => {
  const wrong: readonly (readonly [string, string, string | RegExp, string])[] = [
    ["matmul", "rows come in one order for all", "(i ^ place)", "i"],
    ["matmul", "the last term is dropped", "k < params.K", "k + 1u < params.K"],
    ["matmul", "the edge of M is off by one", "y < params.M", "y <= params.M"],
    ["transposeMatmul", "A is used as it lies", "params.am", "params.ak"],
    ["linear", "the bias is forgotten", "value += beside[x]", "value += 0.0"],
    ["linear", "the activation is forgotten", "value = activation(", "_ = activation("],
    ["linearInputGradient", "the derivative is the column's", "beside[at]", "beside[x]"],
    ["linearWeightGradient", "the column sums are products", "1.0, ones", "a[a0], ones"],
    ["controlAndRecord", "two lanes' sums are forgotten", "return pair + quadSwapY(pair)", "return pair"],
    ["crossEntropyWithGradient", "every other row is left out", "row += 4u", "row += 8u"],
  ];
  test.for(wrong)("%s: %s", async ([name, what, from, to], ctx) => {
    if (!here()) return ctx.skip();
    const op = opNamed(name);
    const quad = quads.find(([of]) => of === name);
    const cases = await casesOf(op);
    // Its cases are of several activations, and so are its texts.
    const own = cases.filter((c) => quad || (activationOf(c) ?? "relu") === "relu");
    const kernel = quad ? quadOf(op, quad[1]) : stridedFor(op, own[0]!);
    const mutant: Mutant = { op: name, kernel: kernel.name, what, from, to };
    await expectCaught(gpu, { ...op, kernels: [kernel] }, mutant, own);
  });
});
