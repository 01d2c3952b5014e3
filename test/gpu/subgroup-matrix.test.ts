import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { createNodeGpu, DIRTY_MEMORY } from "../../src/backend/webgpu/node.ts";
import { type AnyOp, DEFAULT_CAPS, type OpCase } from "../../src/graph/op.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { ops as allOps } from "../../src/ops/all.ts";
import { halfOps } from "../../src/ops/half/ops.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { ring } from "../shared/problems.ts";
import { expectCaught } from "../shared/teeth.ts";
import type { Mutant } from "./mutants.ts";

/**
 * Products and convolutions of halves by matrix instructions. SwiftShader, which every machine has, has none. CHAINRULE_MATRICES=1 says that
 * the driver has them, as Mesa's lavapipe from version 26.1 on (test/release/README.md): then it must.
 */
const suffix = "/subgroup-matrix";
const kernelOf = (op: AnyOp) => op.kernels.find((k) => k.name.endsWith(suffix));
const products = halfOps.filter((op) => kernelOf(op) !== undefined);

/** Sizes around a workgroup's block (64), a matrix (8 or 16), and what four fit into. */
const sizes = [
  [64, 64, 32],
  [65, 70, 33],
  [3, 130, 7],
  [128, 68, 100],
  [1, 1, 1],
] as const;

/** More channels than a workgroup's block has rows. */
function manyChannels({ name }: AnyOp): readonly OpCase<unknown>[] {
  const attrs = {
    stride: [2, 2],
    padding: [
      [1, 1],
      [1, 1],
    ],
    dilation: [1, 1],
    groups: 1,
  };
  const [x, w, y] = [
    [2, 70, 9, 9],
    [70, 70, 3, 3],
    [2, 70, 5, 5],
  ].map((shape) => ({ shape, dtype: "f32" as const }));
  const of = (inputs: OpCase<unknown>["inputs"], more: object) => [
    { name: "70 to 70 channels", inputs, attrs: { ...attrs, ...more } },
  ];
  if (name === "conv") return of([x!, w!], {});
  if (name === "convInputGradient") return of([y!, w!], { places: [9, 9] });
  return name === "convWeightGradient" ? of([x!, y!], { kernel: [3, 3] }) : [];
}

/** Every case of a convolution, of halves: `halvedProof` keeps a few of them. */
async function everySetting(op: AnyOp): Promise<readonly OpCase<unknown>[]> {
  const wide = allOps.find(({ name }) => `half${name[0]!.toUpperCase()}${name.slice(1)}` === op.name)!;
  const half = (t: OpCase<unknown>["inputs"][number], i: number) =>
    i < 2 && t.dtype === "f32" ? { ...t, dtype: "f16" as const } : t;
  const cases = (await proofOf(wide)).cases;
  return [...cases, ...manyChannels(wide)].map((c) => ({ ...c, name: `every ${c.name}`, inputs: c.inputs.map(half) }));
}

async function casesOf(op: AnyOp, from: OpCase<unknown>): Promise<readonly OpCase<unknown>[]> {
  if (op.name.startsWith("halfConv")) return everySetting(op);
  if (op.name !== "halfMatmul") return [];
  return sizes.map(([M, N, K]) => ({
    name: `${M}x${N}x${K}`,
    inputs: [
      { shape: [M, K], dtype: "f16" },
      { shape: [K, N], dtype: "f16" },
    ],
    attrs: from.attrs,
  }));
}

test("every op that is a product has the kernel, and without matrix instructions it applies nowhere", async () => {
  expect(products.map((op) => op.name)).toEqual([
    "halfMatmul",
    "halfTransposeMatmul",
    "halfLinear",
    "halfLinearInputGradient",
    "halfLinearWeightGradient",
    "halfConv",
    "halfConvInputGradient",
    "halfConvLayer",
    "halfConvLayerInputGradient",
    "halfConvLayerWeightGradient",
    "halfConvTransposeLayer",
    "halfConvTransposeLayerInputGradient",
    "halfConvWeightGradient",
  ]);
  for (const op of products) {
    for (const c of (await proofOf(op)).cases) {
      const specs = c.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
      expect(kernelOf(op)!.plan(specs, op.infer(specs, c.attrs), c.attrs, DEFAULT_CAPS)).toBeNull();
    }
  }
});

if (process.env.CHAINRULE_MATRICES === "1") describe("matrix instructions", withMatrices);

function withMatrices(): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await webgpuBackend(await createNodeGpu({ experimental: true, flags: DIRTY_MEMORY }), { tune: false });
    if (!gpu.gpu.caps.subgroupMatrices) throw new Error(`no matrix instructions of halves on ${gpu.description}`);
  });
  afterAll(() => gpu.dispose());

  test.each(products.map((op) => op.name))("%s agrees with the reference on every case", async (name) => {
    const op = halfOps.find((o) => o.name === name)!;
    const { cases } = await proofOf(op);
    let applied = 0;
    for (const c of [...cases, ...(await casesOf(op, cases[0]!))]) {
      const result = await conform(gpu.gpu, op, kernelOf(op)!, c);
      if (!result) continue;
      applied++;
      expect(result.reason, c.name).toBe("");
    }
    expect(applied).toBeGreaterThan(2);
  });

  const mutant = (what: string, from: string | RegExp, to: string, op = "halfMatmul"): Mutant => ({
    op,
    kernel: `${op}${suffix}`,
    what,
    from,
    to,
  });
  const terms = "tapsColumns.y + tap % tapsColumns.x * tapsColumns.z";
  const back = "halfConvInputGradient";
  const weights = "halfConvWeightGradient";
  const convMutants = [
    mutant("rows of the padding are read", "(row0 + term.x < params.bRows) &", "", "halfConv"),
    mutant("every group has the first's kernels", "part * params.aGroup", "0u", "halfConv"),
    mutant("places are those of neighbours", "+ places[n]", "+ places[n ^ 1u]", "halfConv"),
    mutant("only the first block of terms counts", "k0 < count;", "k0 < min(32u, count);", "halfConv"),
    mutant("rows are those of the first tile", "min(mTile + m,", "min(m,", "halfConv"),
    mutant("the barrier behind the table is missing", /(phaseColumns\); \}\s+)workgroupBarrier\(\);/, "$1", "halfConv"),
    mutant("elements of a phase follow each other", terms, "tapsColumns.y + tap % tapsColumns.x", back),
    mutant("a phase begins with the first element", terms, "tap % tapsColumns.x * tapsColumns.z", back),
    mutant("the bias is forgotten", "blockC[e] + own", "blockC[e]", "halfConvLayer"),
    mutant("the last place is left out", "p0 + d < end", "p0 + d + 1u < end", weights),
    mutant("elements are those of the first tile", "min(nTile + lane,", "min(lane,", weights),
    mutant("padding is read as the neighbour", "& (xc + element.y < params.xColumns)", "", weights),
    mutant("a column's terms are read as a term's columns", /col_major>\(&blockB/g, "row_major>(&blockB", weights),
  ];
  test.each([
    mutant(
      "the barrier before a block is used is missing",
      /workgroupBarrier\(\);(\s+if \(cell < 4u\) \{\s+for)/,
      "$1",
    ),
    mutant("terms behind the last are not zeros", "if (k + 32u > kEnd)", "if (false)"),
    mutant("a transpose in registers is missing", "vec4<f16>(r1_0.x, r1_1.x, r1_2.x, r1_3.x)", "r1_0"),
    mutant("the second half of a block's terms is left out", /k < 32u; k \+= (\d+)u/, "k < 16u; k += $1u"),
    mutant("cells are exchanged", "(cell / 2u) * 32u", "(cell % 2u) * 32u"),
    mutant("what is stored is turned", /subgroupMatrixStore<row_major>/g, "subgroupMatrixStore<col_major>"),
    mutant("only the first block of terms counts", "k0 < kEnd; k0 +=", "k0 < min(32u, kEnd); k0 +="),
    mutant("terms of A lie as far apart as those of B", /\(params\.lda/g, "(params.ldb", "halfLinearWeightGradient"),
    ...convMutants,
    mutant("the bias is forgotten", /value \+= bias\[[^\]]*\];|value \+= bias_at\([^;]*;/, "", "halfLinear"),
  ])("a wrong kernel is caught: $what", async (wrong) => {
    const op = halfOps.find(({ name }) => name === wrong.op)!;
    const { cases } = await proofOf(op);
    await expectCaught(gpu, op, wrong, [...cases, ...(await casesOf(op, cases[0]!))]);
  });

  const dense = [
    { type: "linear", in: 2, out: 64 },
    { type: "relu" },
    { type: "linear", in: 64, out: 64 },
    { type: "relu" },
    { type: "linear", in: 64, out: 2 },
  ];
  const images = [
    { type: "linear", in: 2, out: 64 },
    { type: "reshape", shape: [1, 8, 8] },
    { type: "conv2d", in: 1, out: 16, kernel: [3, 3], padding: [1, 1] },
    { type: "relu" },
    { type: "conv2d", in: 16, out: 24, kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
    { type: "relu" },
    { type: "flatten" },
    { type: "linear", in: 384, out: 2 },
  ];
  const linears = ["halfLinear", "halfLinearInputGradient", "halfLinearWeightGradient"];
  const convolutions = [
    "halfConvLayer",
    "halfConvLayerInputGradient",
    "halfConvInputGradient",
    "halfConvLayerWeightGradient",
  ];
  test.each([
    { what: "dense layers", layers: dense, expected: linears },
    { what: "convolutions", layers: images, expected: convolutions },
  ])(
    "a run of $what in f16 trains with them, and as one without them does",
    async ({ layers, expected }) => {
      const model = parseModel({ layers, loss: "crossEntropy" });
      const options = { model, data: ring(128), batch: 64, seed: 2, precision: "f16" } as const;
      const losses = async (prefer: boolean): Promise<{ losses: number[]; kernels: readonly string[] }> => {
        const used = new Set<string>();
        const backend = {
          ...gpu,
          get gpu() {
            return gpu.gpu;
          },
          compile: ((g, given) =>
            gpu.compile(g, {
              ...given,
              kernel: (node) => {
                const found = prefer ? kernelOf(node.op) : undefined;
                const applies = found?.plan(node.inputs, node.outputs, node.attrs, gpu.gpu.caps);
                if (!applies) return null;
                used.add(found!.name);
                return found!.name;
              },
            })) as WebGpuBackend["compile"],
        };
        const trainer = await createTrainer(backend, options);
        const out: number[] = [];
        for await (const m of trainer.run({ steps: 60 })) out.push(m.loss);
        trainer.dispose();
        return { losses: out, kernels: [...used].sort() };
      };
      const [matrices, plain] = [await losses(true), await losses(false)];
      for (const name of expected) expect(matrices.kernels).toContain(name + suffix);
      expect(plain.kernels).toEqual([]);
      matrices.losses.forEach((loss, i) => {
        expect(Math.abs(loss - plain.losses[i]!), `step ${i + 1}`).toBeLessThan(0.02 * plain.losses[i]! + 1e-3);
      });
      expect(matrices.losses.at(-1)!).toBeLessThan(0.8 * matrices.losses[0]!);
    },
    600_000,
  );
}
