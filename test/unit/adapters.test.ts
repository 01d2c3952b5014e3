// One table of adapters, and all that is held against it: so longer than a file should be.
import { afterEach, describe, expect, test } from "vitest";
import { type AdapterReport, capsOf, computesOnCpu } from "../../src/backend/webgpu/caps.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { formsFor } from "../../src/backend/webgpu/lower.ts";
import type { Node } from "../../src/graph/graph.ts";
import { addLateKernels } from "../../src/graph/late-kernels.ts";
import { DEFAULT_LIMITS, type DeviceCaps, type DeviceLimits } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/all.ts";
import { conv, convWeightGradient } from "../../src/ops/conv/conv.ts";
import { halved } from "../../src/ops/half/halved.ts";
import { linear } from "../../src/ops/matmul/linear.ts";
import { matmul, outerProduct, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { thorough } from "../shared/thorough.ts";

/** What adapters say of themselves, and what they are. Subgroups and names as Mesa's, Dawn's and Firefox's drivers give them. */
interface Adapter {
  readonly what: string;
  readonly info: AdapterReport;
  readonly features?: readonly string[];
  /** What older browsers have on the adapter itself. */
  readonly adapter?: object;
  /** Where they are not the least that WebGPU guarantees. */
  readonly limits?: Partial<DeviceLimits>;
}

const sizes = (subgroupMinSize: number, subgroupMaxSize: number) => ({ subgroupMinSize, subgroupMaxSize });
const gpu = (what: string, vendor: string, architecture: string, min: number, max: number): Adapter => ({
  what,
  info: { vendor, architecture, device: "", description: "", ...sizes(min, max), isFallbackAdapter: false },
  features: ["subgroups", "shader-f16"],
});
const nameless = { vendor: "", architecture: "", device: "", description: "" };

const gpus: readonly Adapter[] = [
  gpu("Intel Gen12 (Tiger Lake)", "intel", "gen-12lp", 8, 32),
  gpu("Intel Gen12 (Alder Lake)", "intel", "gen-12lp", 8, 32),
  gpu("Intel Arc (DG2)", "intel", "gen-12hp", 8, 32),
  gpu("Intel Meteor Lake", "intel", "xe-lpg", 8, 32),
  gpu("Intel Xe2 (Lunar Lake, Battlemage)", "intel", "xe-2lpg", 16, 32),
  gpu("AMD RDNA", "amd", "rdna-3", 32, 64),
  gpu("AMD GCN", "amd", "gcn-5", 64, 64),
  { ...gpu("NVIDIA", "nvidia", "ampere", 32, 32), limits: { maxComputeWorkgroupStorageSize: 49152 } },
  gpu("NVIDIA, with as little memory of workgroups as any", "nvidia", "turing", 32, 32),
  { ...gpu("NVIDIA H200", "nvidia", "hopper", 32, 32), limits: { maxComputeWorkgroupStorageSize: 49152 } },
  gpu("Apple", "apple", "common-3", 32, 32),
  gpu("Apple, as Safari tells it", "apple", "apple-m1", 4, 64),
  gpu("Qualcomm Adreno", "qualcomm", "adreno-7xx", 64, 128),
  gpu("ARM Mali", "arm", "valhall", 16, 16),
  gpu("Imagination PowerVR", "img-tec", "rogue", 1, 128),
  {
    what: "any GPU in Firefox: no names, no feature for its subgroups",
    info: { ...nameless, ...sizes(4, 128), isFallbackAdapter: false },
    features: ["shader-f16", "timestamp-query"],
  },
  { what: "a GPU in Firefox that says nothing of fallbacks", info: { ...nameless, ...sizes(4, 128) } },
  { what: "a GPU in Chrome 113: no info at all", info: {}, adapter: { isFallbackAdapter: false } },
];

const cpus: readonly Adapter[] = [
  {
    what: "SwiftShader",
    info: {
      vendor: "google",
      architecture: "swiftshader",
      device: "swiftshader-device-subzero-",
      description: "SwiftShader driver 5.0.0",
      ...sizes(4, 4),
      isFallbackAdapter: true,
    },
    features: ["subgroups"],
  },
  ...[8, 16].map((width) => ({
    what: `lavapipe, ${32 * width} bits`,
    info: {
      vendor: "mesa",
      architecture: "software",
      device: `llvmpipe-llvm-15-0-6-${32 * width}-bits-`,
      description: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6) 0.0.1",
      ...sizes(width, width),
      isFallbackAdapter: true,
    },
    features: ["subgroups", "shader-f16"],
  })),
  { what: "SwiftShader in Firefox", info: { ...nameless, ...sizes(4, 128), isFallbackAdapter: true } },
  { what: "SwiftShader in Chrome 113", info: {}, adapter: { isFallbackAdapter: true } },
  { what: "by its name alone", info: { vendor: "google", architecture: "swiftshader" } },
  { what: "by its device's name", info: { device: "llvmpipe (LLVM 15.0.6, 256 bits)" } },
  { what: "Mesa's by its description", info: { description: "lavapipe" } },
  {
    what: "Windows without a GPU",
    info: { vendor: "microsoft", architecture: "warp", description: "Microsoft Basic Render Driver" },
  },
];

const capsFor = ({ info, features = [], adapter, limits }: Adapter): DeviceCaps =>
  capsOf({ limits: { ...DEFAULT_LIMITS, ...limits }, features: new Set(features) }, info, computesOnCpu(info, adapter));

/** Kernels that count on invocations which take turns on a core, with registers that lie in memory. */
const FOR_CPUS = /\/(packed|packed-quads|row-alone|fours)(-native)?$|^gradientStats\/alone$/;
const forCpus = (kernel: string): boolean => FOR_CPUS.test(kernel);

/** Cases of every op, all of them or each third, and products of the sizes that nets have. */
const nodes: readonly Node[] = [
  ...(await Promise.all(ops.filter((op) => !op.view).map(async (op) => ({ op, cases: (await proofOf(op)).cases }))))
    .flatMap(({ op, cases }) =>
      cases.filter((_, i) => thorough || i % 3 === 0).map((c) => ({ op, attrs: c.attrs, inputs: c.inputs })),
    )
    .map(({ op, attrs, inputs }) =>
      nodeOf(
        op,
        attrs,
        inputs.map((t) => ({ shape: t.shape, dtype: t.dtype })),
      ),
    ),
  ...[1, 3, 8, 64, 512].flatMap((M) =>
    [10, 32, 64, 512].flatMap((N) =>
      [64, 784].flatMap((K) => [
        product(matmul, null, [M, K], [K, N]),
        product(transposeMatmul, { transpose: "a" }, [K, M], [K, N]),
        product(transposeMatmul, { transpose: "b" }, [M, K], [N, K]),
        product(linear, { activation: "relu", alpha: 0 }, [M, K], [K, N], [N]),
      ]),
    ),
  ),
  product(outerProduct, null, [1, 784], [1, 512]),
];

type AnyOp = (typeof ops)[number];
function nodeOf(op: AnyOp, attrs: unknown, inputs: readonly { shape: readonly number[]; dtype: string }[]): Node {
  const outputs = op.infer(inputs as never, attrs as never);
  return { op, attrs, inputs, outputs } as unknown as Node;
}
function product(op: unknown, attrs: unknown, ...shapes: readonly (readonly number[])[]): Node {
  return nodeOf(
    op as AnyOp,
    attrs,
    shapes.map((shape) => ({ shape, dtype: "f32" })),
  );
}
/** Choices by what decides them: a plan is text, which takes time to write. */
const chosen = new Map<string, readonly string[]>();
function chosenFor(caps: DeviceCaps): readonly string[] {
  const key = JSON.stringify(caps);
  const known = chosen.get(key) ?? nodes.map((node) => chooseKernel(node, caps).kernel.name);
  chosen.set(key, known);
  return known;
}

describe("an adapter on a CPU is told by what it says, never by its subgroups", () => {
  test.each(gpus)("$what is a GPU", ({ info, adapter }) => expect(computesOnCpu(info, adapter)).toBe(false));
  test.each(cpus)("$what is a CPU", ({ info, adapter }) => expect(computesOnCpu(info, adapter)).toBe(true));
});

describe("kernels made for adapters on a CPU are theirs alone", () => {
  test("some of these problems take them there: this test has something to find", () => {
    const found = new Set(
      chosenFor(capsFor(cpus[0]!))
        .filter(forCpus)
        .map((name) => name.split("/")[1]),
    );
    expect([...found].sort()).toEqual(["alone", "fours", "packed-quads", "row-alone"]);
  });

  test.each(gpus)("$what takes none, and whole steps in a workgroup's memory", (adapter) => {
    const caps = capsFor(adapter);
    expect([...new Set(chosenFor(caps).filter(forCpus))]).toEqual([]);
    expect(formsFor(caps).map((form) => form.memory)).toEqual(["variables", "workgroup"]);
  });

  test.each(cpus)("$what steps on four invocations", (adapter) => {
    expect(formsFor(capsFor(adapter))[1]).toEqual({ width: 4, memory: "storage" });
  });
});

test("GPUs of a vendor with the same features and limits get the same first guesses, whatever their subgroups", () => {
  const vendors = new Set(gpus.map(({ info }) => info.vendor));
  for (const vendor of vendors) {
    const same = gpus.filter(({ info }) => info.vendor === vendor);
    if (same.length === 1) continue;
    const guesses = same.map((adapter) =>
      chosenFor(capsFor({ ...adapter, features: ["subgroups"], limits: {} })).join(),
    );
    expect(new Set(guesses).size, vendor).toBe(1);
  }
});

describe("tiles that some compilers lack registers for are not the first guess there", () => {
  /** What Mesa's compilers spill on Intel's GPUs; `npm run bench:isa` sees it. */
  const LARGE_TILES = /\/block(64|64x128|128)(-split)?(-native)?$/;
  const square = (size: number) => [
    product(matmul, null, [size, size], [size, size]),
    product(transposeMatmul, { transpose: "a" }, [size, size], [size, size]),
    product(transposeMatmul, { transpose: "b" }, [size, size], [size, size]),
  ];
  /** From which size. NVIDIA's for data centres want more invocations until they are all busy. */
  const from: Readonly<Record<string, number>> = { amd: 512, apple: 512, qualcomm: 512, ampere: 512, nvidia: 4096 };

  test.each(gpus)("$what", (adapter) => {
    const caps = capsFor(adapter);
    const { vendor = "", architecture = "" } = adapter.info;
    const first = from[architecture] ?? from[vendor] ?? Number.POSITIVE_INFINITY;
    for (const size of [512, 1024, 4096]) {
      const large = square(size).map((node) => LARGE_TILES.test(chooseKernel(node, caps).kernel.name));
      expect(large, String(size)).toEqual(large.map(() => size >= first));
    }
  });
});

describe("a GPU has enough to do with the products of a common net", () => {
  /** Workgroups of 64 that are at work at once on a small GPU, with some to spare; a telephone's has a dozen cores at most. */
  const enough = (vendor: string | undefined): number => (vendor === "qualcomm" ? 64 : 128);
  const sizeOf = (code: string): number =>
    (/@workgroup_size\(([^)]*)\)/.exec(code)?.[1] ?? "").split(",").reduce((size, n) => size * Number(n), 1);

  test.each([
    ["64 x 512 x 784", product(linear, { activation: "relu", alpha: 0 }, [64, 784], [784, 512], [512])],
    ["64 x 784 x 512, back through a layer", product(transposeMatmul, { transpose: "b" }, [64, 512], [784, 512])],
    ["784 x 512 over 64 rows", product(transposeMatmul, { transpose: "a" }, [64, 784], [64, 512])],
    ["64 x 512 x 512", product(matmul, null, [64, 512], [512, 512])],
    ["512 x 512 x 512", product(matmul, null, [512, 512], [512, 512])],
    ["1024 x 1024 x 1024", product(matmul, null, [1024, 1024], [1024, 1024])],
    ["128 x 1024 x 1024", product(matmul, null, [128, 1024], [1024, 1024])],
  ])("%s", (_name, node) => {
    for (const adapter of gpus) {
      const { kernel, plan } = chooseKernel(node, capsFor(adapter));
      const { workgroups, code } = plan.launches[0]!;
      const [x, y, z] = workgroups;
      expect((x * y * z * sizeOf(code)) / 64, `${adapter.what}: ${kernel.name}`).toBeGreaterThanOrEqual(
        enough(adapter.info.vendor),
      );
    }
  });
});

describe("large products on Intel's GPUs whose compiler was seen take rows that are a subgroup's", () => {
  const kernels = matmul.kernels as (typeof matmul.kernels)[number][];
  const before = kernels.length;
  // Other files see the same ops.
  afterEach(() => {
    kernels.length = before;
  });
  async function guessFor(size: number, adapter: Partial<Adapter> & { readonly info: AdapterReport }): Promise<string> {
    const roomy = { ...adapter, what: "", limits: { maxComputeWorkgroupStorageSize: 32768, ...adapter.limits } };
    const caps = capsFor(roomy);
    for (let twice = 0; twice < 2; twice++) await addLateKernels([{ op: matmul as AnyOp }], caps);
    return chooseKernel(product(matmul, null, [size, size], [size, size]), caps).kernel.name.split("/")[1]!;
  }
  const named = (name: string): Adapter => gpus.find(({ what }) => what.includes(name))!;

  test.each([
    ["Tiger Lake", 1024, "block-uniform"],
    // 96 units at most, which have enough to do without parts.
    ["Tiger Lake", 512, "block-uniform"],
    ["Meteor Lake", 1024, "block-uniform"],
    ["Xe2", 1024, "block-uniform"],
    ["DG2", 1024, "block-uniform"],
    ["DG2", 512, "block-uniform-split"],
    ["DG2", 4096, "block-uniform"],
    ["DG2", 256, "direct"],
    ["ARM Mali", 1024, "block64-wide"],
    ["PowerVR", 1024, "block64-wide"],
    ["AMD RDNA", 1024, "block64"],
    ["AMD RDNA", 512, "block64-split"],
    ["Qualcomm", 512, "block64"],
    ["NVIDIA", 512, "block64x128-split"],
    ["NVIDIA", 1024, "block64x128"],
    ["NVIDIA H200", 512, "block64-wide-split"],
  ])("%s, %i: %s", async (name, size, expected) => {
    expect(await guessFor(size, named(name))).toBe(expected);
    expect(kernels.length - before).toBe(/intel/.test(named(name).info.vendor!) ? 2 : 0);
  });

  test.each([
    // What a small GPT has: 768 rows of 192 numbers.
    ["DG2", [768, 192, 3558], "block-uniform"],
    ["DG2", [768, 192, 768], "block-uniform"],
    ["DG2", [768, 768, 192], "block-uniform-split"],
    ["DG2", [768, 192, 192], "direct"],
    ["Tiger Lake", [768, 192, 576], "block-uniform"],
    ["DG2", [4096, 64, 4096], "direct"],
    ["DG2", [16, 4096, 4096], "direct"],
  ] as const)("%s, %j rows, terms and columns: %s", async (name, [M, K, N], expected) => {
    const caps = capsFor({ ...named(name), limits: { maxComputeWorkgroupStorageSize: 32768 } });
    await addLateKernels([{ op: matmul as AnyOp }], caps);
    expect(chooseKernel(product(matmul, null, [M, K], [K, N]), caps).kernel.name).toMatch(new RegExp(`/${expected}$`));
  });

  test("not without subgroups, with as little memory of workgroups as any, or on an older one", async () => {
    const dg2 = named("DG2");
    expect(await guessFor(1024, { ...dg2, info: { ...dg2.info, architecture: "gen-9" } })).toBe("block64-wide");
    expect(await guessFor(1024, { ...dg2, features: [] })).toBe("block64-wide");
    expect(await guessFor(1024, { ...dg2, limits: { maxComputeWorkgroupStorageSize: 16384 } })).toBe("block64-wide");
    // Where another adapter has loaded it.
    expect(await guessFor(1024, gpus.find(({ info }) => info.architecture === "ampere")!)).not.toBe("block-uniform");
  });

  test("so do those of halves", async () => {
    const op = halved(matmul as AnyOp);
    const forms = op.kernels as (typeof op.kernels)[number][];
    const own = forms.length;
    const halves = { shape: [1024, 1024], dtype: "f16" } as const;
    const node = {
      ...product(matmul, null, [1024, 1024], [1024, 1024]),
      op,
      inputs: [halves, halves],
    } as unknown as Node;
    const guesses = [];
    for (const name of ["ARM Mali", "DG2", "AMD RDNA"]) {
      const caps = {
        ...capsFor({ ...named(name), limits: { maxComputeWorkgroupStorageSize: 32768 } }),
        shaderF16: true,
      };
      await addLateKernels([node], caps);
      guesses.push(chooseKernel(node, caps).kernel.name.split("/")[1]);
    }
    forms.length = own;
    expect(guesses).toEqual(["block64-wide", "block-uniform", "block64-halves"]);
  });

  test.each([
    ["DG2", [64, 64, 56], "block-uniform"],
    ["Tiger Lake", [64, 64, 56], "block-uniform"],
    ["DG2", [16, 16, 28], "block-uniform"],
    // Half of a block would be left empty, or few invocations would have all to do.
    ["DG2", [64, 8, 28], "strip"],
    ["DG2", [64, 64, 7], "block-narrow"],
    ["AMD RDNA", [64, 64, 56], "block"],
    ["ARM Mali", [64, 64, 56], "block-narrow"],
  ] as const)(
    "a convolution on %s of %j channels and places along an axis: %s",
    async (name, [c, out, side], expected) => {
      const caps = capsFor({ ...named(name), limits: { maxComputeWorkgroupStorageSize: 32768 } });
      const padding = [
        [1, 1],
        [1, 1],
      ];
      const attrs = { stride: [1, 1], padding, dilation: [1, 1], groups: 1 };
      const node = product(conv as AnyOp, attrs, [32, c, side, side], [out, c, 3, 3]);
      expect(chooseKernel(node, caps).kernel.name).toBe(`conv/${expected}`);
    },
  );

  test.each([
    ["DG2", [64, 64, 56], "block-uniform"],
    ["Tiger Lake", [32, 64, 28], "block-uniform"],
    // 144 elements leave more of its blocks empty; or too few channels; or few terms to divide.
    ["DG2", [16, 32, 28], "block-narrow"],
    ["DG2", [64, 8, 28], "strip"],
    ["DG2", [64, 64, 4], "block-narrow"],
    ["AMD RDNA", [64, 64, 56], "block"],
    ["ARM Mali", [64, 64, 56], "block-narrow"],
  ] as const)(
    "a kernel's gradient on %s of %j channels and places along an axis: %s",
    async (name, [c, out, side], expected) => {
      const caps = capsFor({ ...named(name), limits: { maxComputeWorkgroupStorageSize: 32768 } });
      const padding = [
        [1, 1],
        [1, 1],
      ];
      const attrs = { stride: [1, 1], padding, dilation: [1, 1], groups: 1, kernel: [3, 3] };
      const node = product(convWeightGradient as AnyOp, attrs, [32, c, side, side], [32, out, side, side]);
      expect(chooseKernel(node, caps).kernel.name).toBe(`convWeightGradient/${expected}`);
    },
  );
});
