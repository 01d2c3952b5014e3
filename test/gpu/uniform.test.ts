import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { operands, productGraph, verifySamples } from "../../src/bench/matmul.ts";
import { addLateKernels } from "../../src/graph/late-kernels.ts";
import type { AnyOp, DeviceCaps, OpCase } from "../../src/graph/op.ts";
import { halved } from "../../src/ops/half/halved.ts";
import { productRungs } from "../../src/ops/matmul/kernels.ts";
import { linear, linearInputGradient, linearWeightGradient } from "../../src/ops/matmul/linear.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { matmulCase } from "../../src/ops/matmul/reference.ts";
import { uniformKernels } from "../../src/ops/matmul/uniform.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import { thorough } from "../shared/thorough.ts";
import type { Mutant } from "./mutants.ts";

/**
 * The product whose rows are a subgroup's: only Intel's GPUs load it, so it is in no op's ladder here. It is right wherever
 * subgroups have at most 32 invocations, numbered in their order, as those of SwiftShader (4) and lavapipe (8, 16).
 */
const products = [matmul, transposeMatmul, linear, linearInputGradient, linearWeightGradient] as readonly AnyOp[];
const kernelOf = (op: AnyOp, split = false) => uniformKernels(op, productRungs)[split ? 1 : 0]!;

/** Tiles, turns, and terms that are whole, whole fours, and neither; operands that are read by fours, and those that are not. */
const sizes = [
  [64, 128, 32],
  [130, 133, 33],
  [68, 132, 100],
  [65, 129, 64],
  [3, 5, 1],
] as const;
const wanted = thorough ? sizes : sizes.slice(0, 2);

const forms = [
  { form: "NN", op: matmul as AnyOp, attrs: null },
  { form: "NT", op: transposeMatmul as AnyOp, attrs: { transpose: "b" } },
  { form: "TN", op: transposeMatmul as AnyOp, attrs: { transpose: "a" } },
] as const;

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

async function agrees(
  op: AnyOp,
  c: OpCase<unknown>,
  { split = false, ...caps }: Partial<DeviceCaps> & { split?: boolean } = {},
): Promise<void> {
  const all = { ...gpu.gpu.caps, vendor: "intel", ...caps };
  const result = await conform(gpu.gpu, op, kernelOf(op, split), c, { caps: all });
  expect(result?.reason, `${op.name}, ${c.name}, ${gpu.description}`).toBe("");
}

describe.each(forms)("$form", ({ form, op, attrs }) => {
  const some = form === "NN" || thorough;
  test.each(wanted)("%i x %i x %i agrees with the reference", async (M, N, K) => {
    await agrees(op, matmulCase(form, M, N, K, attrs));
  });

  test.each(
    [
      [70, 132, 300],
      [65, 129, 262],
      // Of fourteen blocks five, five and four.
      [64, 128, 448],
    ].slice(thorough ? 0 : 1),
  )("%i x %i x %i, divided among workgroups", async (M, N, K) => {
    await agrees(op, matmulCase(form, M!, N!, K!, attrs), { split: true });
  });

  if (!some) return;
  test("in panels, where an operand is larger than what can be bound at once, and in a 2-D grid", async () => {
    await agrees(op, matmulCase(form, 72, 132, 96, attrs), { maxStorageBufferBindingSize: 32768 });
    await agrees(op, matmulCase(form, 130, 133, 33, attrs), { maxComputeWorkgroupsPerDimension: 2 });
  });

  test("a long sum of one tile, in many parts", async () => {
    await agrees(op, matmulCase(form, 3, 5, 16_388, attrs), { split: true });
  });
});

test.each(products.slice(2).map((op) => op.name))(
  "%s agrees with the reference, with all that it does besides",
  async (name) => {
    const op = products.find((p) => p.name === name)!;
    const { cases } = await proofOf(op);
    for (const c of thorough ? cases : cases.slice(3, 4)) await agrees(op, c);
  },
);

describe("of halves", () => {
  const forms = products.map(halved);
  const before = [...products, ...forms].map(({ kernels }) => kernels.length);
  const intel = { vendor: "intel", architecture: "gen-12hp" };
  // Other tests see the same ops.
  afterAll(() => {
    [...products, ...forms].forEach(({ kernels }, i) => {
      (kernels as unknown[]).length = before[i]!;
    });
  });

  test.each(forms.slice(0, thorough ? undefined : 1).map((op) => [op.name, op] as const))(
    "%s has it too on such an adapter, and agrees with the reference",
    async (_name, op) => {
      const caps = { ...gpu.gpu.caps, ...intel };
      for (let twice = 0; twice < 2; twice++) await addLateKernels([{ op }], caps);
      const added = op.kernels.filter((k) => k.late);
      expect(added.map(({ name }) => name)).toEqual([`${op.name}/block-uniform`, `${op.name}/block-uniform-split`]);
      const { cases } = await proofOf(op);
      const ran = [];
      for (const c of thorough ? cases : cases.slice(0, 4))
        for (const kernel of added) {
          const result = await conform(gpu.gpu, op, kernel, c, { caps });
          expect(result?.reason ?? "", `${kernel.name}, ${c.name}`).toBe("");
          if (result) ran.push(kernel.name);
        }
      expect(ran).toContain(added[0]!.name);
      if (!thorough) return;
      expect(new Set(ran).size).toBe(2);
      const [kernel] = added;
      const mutant = { op: op.name, kernel: kernel!.name, ...intel, what: "a term is its neighbour's" };
      await expectCaught(gpu, { ...op, kernels: [kernel!] }, { ...mutant, from: "a3.z * b1.z", to: "a3.z * b1.w" });
    },
  );
});

test("without subgroups, with larger ones, without the memory or on other GPUs it applies nowhere", () => {
  const specs = [64, 64].map((n) => ({ shape: [n, n], dtype: "f32" }) as const);
  const plan = (caps: Partial<DeviceCaps>) =>
    kernelOf(matmul as AnyOp).plan(specs, matmul.infer(specs, null), null, {
      ...gpu.gpu.caps,
      vendor: "intel",
      ...caps,
    });
  expect(plan({})).not.toBeNull();
  expect(plan({ subgroups: false })).toBeNull();
  expect(plan({ vendor: "nvidia" })).toBeNull();
  expect(plan({ subgroupMaxSize: 64 })).toBeNull();
  expect(plan({ maxComputeWorkgroupStorageSize: 16384 })).toBeNull();
  // Nor divided where a sum is short.
  expect(kernelOf(matmul as AnyOp, true).plan(specs, matmul.infer(specs, null), null, gpu.gpu.caps)).toBeNull();
});

test("a backend on such an adapter loads it, and a product by it is right", async () => {
  const real = gpu.gpu.device;
  const info = {
    ...gpu.gpu.device.adapterInfo,
    vendor: "intel",
    architecture: "gen-12hp",
    device: "",
    description: "",
  };
  const adapterInfo = { ...info, subgroupMinSize: 8, subgroupMaxSize: 32, isFallbackAdapter: false };
  const device = new Proxy(real, {
    get(target, name) {
      if (name === "adapterInfo") return adapterInfo;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const kernels = matmul.kernels as (typeof matmul.kernels)[number][];
  const before = kernels.length;
  const intel = await webgpuBackend({ device });
  try {
    const size = { form: "NN", M: 130, N: 132, K: 96 } as const;
    const { a, b } = operands(size);
    const { graph, c } = productGraph(size, a, b);
    const executor = await intel.compile(graph, { kernel: () => "matmul/block-uniform", onChip: false });
    const [found] = await executor.run(1, [c]);
    expect(verifySamples(size, a, b, found!)).toBe(true);
    expect(kernels.map(({ name, late }) => (late ? name : null)).filter(Boolean)).toEqual([
      "matmul/block-uniform",
      "matmul/block-uniform-split",
    ]);
    // Its known answer was worked out and was right.
    expect([...intel.gpu.wrong]).toEqual([]);
  } finally {
    intel.dispose();
    // Other files see the same ops.
    kernels.length = before;
  }
});

const mutant = (what: string, from: string | RegExp, to: string, op = "matmul", rung = "block-uniform"): Mutant => ({
  op,
  kernel: `${op}/${rung}`,
  vendor: "intel",
  what,
  from,
  to,
});
const mutants = [
  mutant("terms of the next part count twice", /< kEnd/g, "< params.K", "matmul", "block-uniform-split"),
  mutant("terms behind the last are not zeros", /(< |vec4<u32>\()kEnd/g, "$1(kEnd + 32u)", "transposeMatmul"),
  mutant("the last subgroup's rows are its neighbour's", "(local.y), 7u)", "(local.y), 6u)"),
  mutant("all rows are those of the first subgroup", "subgroupBroadcastFirst(local.y)", "0u"),
  mutant("the seventh row is the sixth", /a7\./g, "a6."),
  mutant("the third column is the second's", "blockB[q][local.x + 64u]", "blockB[q][local.x + 32u]"),
  mutant("a term is its neighbour's", "a3.z * b1.z", "a3.z * b1.w"),
  mutant("places are rows in their order", /% 16u \* 4u \+ (\(first[^/]*\)) \/ 16u/g, ""),
  mutant("the last fours of a block's terms are left out", "q < 8u", "q < 7u"),
  mutant("only the first block counts", "block >= blocks", "block >= 1u"),
  mutant("the next block is the one behind it", /atB \+= 32u/, "atB += 64u"),
  mutant("the second half of B's columns is the first", "pB + 64u", "pB", "transposeMatmul"),
  mutant("terms of A lie as far apart as those of B", /\(params\.lda/g, "(params.ldb", "transposeMatmul"),
  mutant("the barrier before a block is used is missing", /workgroupBarrier\(\);(\s+for \(var q)/, "$1"),
  mutant("the bias is forgotten", "value += bias[params.biasOffset + n];", "", "linear"),
  mutant(
    "a part begins where the sum does",
    "let kBegin = group.z * params.sliceK;",
    "let kBegin = 0u;",
    "matmul",
    "block-uniform-split",
  ),
  mutant(
    "a part is stored over the first",
    "let base = group.z * params.M * params.N;",
    "let base = 0u;",
    "transposeMatmul",
    "block-uniform-split",
  ),
];
test.each(thorough ? mutants : mutants.slice(0, 2))("a wrong kernel is caught: $what", async (wrong) => {
  const op = opNamed(wrong.op);
  const kernel = kernelOf(op, wrong.kernel.endsWith("split"));
  const { cases } = await proofOf(op);
  const own = forms
    .filter((f) => f.op.name === op.name)
    .flatMap(({ form, attrs }) =>
      [...wanted, [64, 128, 300] as const].map(([M, N, K]) => matmulCase(form, M, N, K, attrs)),
    );
  await expectCaught(gpu, { ...op, kernels: [kernel] }, wrong, [...own.toReversed(), ...cases]);
});
