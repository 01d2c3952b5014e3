import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { Graph } from "../../src/graph/graph.ts";
import { addChannelBias } from "../../src/ops/conv/channel-bias.ts";
import { conv, convWeightGradient } from "../../src/ops/conv/conv.ts";
import { activations } from "../../src/ops/elementwise/activations.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";
import { type LittleMemory, littleMemory } from "../shared/little-memory.ts";

/** A backend whose every pipeline takes so much longer to compile, and when each began and was there. */
async function slowCompiler(
  ms: number,
): Promise<{ backend: WebGpuBackend; compiled: [begun: number, there: number][] }> {
  const backend = await webgpuBackend(navigator.gpu);
  const { device } = backend.gpu;
  const compiled: [number, number][] = [];
  const compile = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = async (descriptor) => {
    const begun = performance.now();
    const pipeline = await compile(descriptor);
    await new Promise((resolve) => setTimeout(resolve, ms));
    compiled.push([begun, performance.now()]);
    return pipeline;
  };
  return { backend, compiled };
}

/** Two products of one kind, the first the larger: x [32, k] through [k, 128] and [128, 64]. */
function twoProducts(k = 192): Graph {
  const g = new Graph();
  const variable = (name: string, ...shape: [number, number]) =>
    g.variable(name, ndarray(shape, "f32", normals(shape[0], 4, 0, shape[0] * shape[1])));
  const y = g.one(matmul, [variable("x", 32, k), variable("w", k, 128)], null, "y");
  g.keep(g.one(matmul, [y, variable("v", 128, 64)], null, "z"));
  return g;
}

// On a machine with ten other things to do the trials may not end in their time.
test("the largest product is measured, and one of its kind takes over what won", { retry: 2 }, async () => {
  const { backend } = await slowCompiler(0);
  const executor = await backend.compile(twoProducts(), { onChip: false });
  const [first, second] = backend.tuner!.made;
  expect(first!.how).toBe("measured");
  expect(first!.results.length).toBeGreaterThan(1);
  expect(Math.min(...first!.results.map((r) => r.ms!))).toBe(
    first!.results.find((r) => r.kernel === first!.kernel)!.ms,
  );
  expect(["measured", "inherited"]).toContain(second!.how);
  executor.dispose();
  backend.dispose();
});

test("where one kernel was always the fastest, nothing is measured, and what was taken has its name all the same", async (ctx) => {
  const { backend, compiled } = await slowCompiler(0);
  const { caps } = backend.gpu;
  if (!caps.onCpu || caps.subgroupMaxSize !== 4) return ctx.skip();
  const g = new Graph();
  const variable = (name: string, m: number, n: number) =>
    g.variable(name, ndarray([m, n], "f32", normals(m, 4, 0, m * n)));
  g.keep(g.one(matmul, [variable("x", 32, 512), variable("w", 512, 128)], null, "y"));
  const executor = await backend.compile(g, { onChip: false });
  // None that it would have been compared with.
  expect(compiled).toHaveLength(1);
  const [choice, ...others] = backend.tuner!.made;
  expect(choice).toMatchObject({ kernel: "matmul/packed-quads", how: "known", results: [] });
  expect(choice!.key).toMatch(/^matmul null 32x512 512x128 [0-9a-f]+$/);
  expect(others).toEqual([]);
  expect(backend.tuner!.names()).toEqual({ [choice!.key]: "matmul/packed-quads" });
  executor.dispose();
  backend.dispose();
});

// The same.
test("where compiling takes long, it is all asked for at once, and no third kernel is begun that could not be timed", {
  retry: 2,
}, async () => {
  const { backend, compiled } = await slowCompiler(400);
  const executor = await backend.compile(twoProducts(), { onChip: false });
  const [first] = backend.tuner!.made;
  expect(first!.how).toBe("measured");
  expect(first!.results).toHaveLength(2);
  expect(backend.tuner!.late).toBeNull();
  // One wait for the two that are compared and all else; in turn they would be more.
  const lastBegun = Math.max(...compiled.map(([begun]) => begun));
  const firstThere = Math.min(...compiled.map(([, there]) => there));
  expect(lastBegun).toBeLessThan(firstThere);
  executor.dispose();
  backend.dispose();
});

describe("trials that are over their time", () => {
  let backend: WebGpuBackend;
  let memory: LittleMemory;
  const map = GPUBuffer.prototype.mapAsync;
  /** Milliseconds that the next readings take longer. */
  let delays: number[];
  beforeEach(async () => {
    backend = await webgpuBackend(navigator.gpu);
    memory = littleMemory(Number.POSITIVE_INFINITY);
    delays = [];
    GPUBuffer.prototype.mapAsync = async function (...given) {
      await new Promise((resolve) => setTimeout(resolve, delays.shift() ?? 0));
      return map.apply(this, given);
    };
  });
  afterEach(() => {
    GPUBuffer.prototype.mapAsync = map;
    memory.restore();
    backend.dispose();
  });

  /** Has every known answer, so that the next reading is a trial's, and returns the bytes that the graph takes. */
  async function prepared(g: Graph): Promise<number> {
    const untried = { onChip: false, kernel: () => null };
    (await backend.compile(g, untried)).dispose();
    memory.most = 0;
    (await backend.compile(g, untried)).dispose();
    return memory.most;
  }

  test("take no room from the graph that they were for", async () => {
    memory.capacity = await prepared(twoProducts());
    delays = [1500];
    const executor = await backend.compile(twoProducts(), { onChip: false });
    expect(delays).toEqual([]);
    expect(backend.tuner!.made.map(({ how }) => how)).toContain("guessed");
    expect(memory.unheard).toBe(0);
    await executor.run(1);
    executor.dispose();
    expect(memory.live).toBe(0);
  });

  test("are waited for, all of them, by who asks what memory there is", async () => {
    await prepared(twoProducts(128));
    await prepared(twoProducts(192));
    // The one begun first is the last to end.
    delays = [2500, 1000];
    for (const k of [128, 192]) (await backend.compile(twoProducts(k), { onChip: false })).dispose();
    expect(delays).toEqual([]);
    expect(memory.live, "theirs").toBeGreaterThan(0);
    await backend.tuner!.late;
    expect(memory.live).toBe(0);
  });
});

describe("convolutions", () => {
  /** A device whose convolutions are worth a trial: it says that it is no CPU. */
  async function asGpu(): Promise<WebGpuBackend> {
    const backend = await webgpuBackend(navigator.gpu);
    Object.defineProperty(backend.gpu, "caps", { value: { ...backend.gpu.caps, onCpu: false } });
    return backend;
  }

  /** y = relu(conv(x) + b), the gradients of w and b, and a product: a family each. */
  function net(images: number): { g: Graph; names: readonly string[] } {
    const g = new Graph();
    const variable = (name: string, ...shape: number[]) =>
      g.variable(name, ndarray(shape, "f32", normals(shape[0]!, 4, 0, sizeOf(shape))));
    const attrs = {
      stride: [1, 1],
      padding: [
        [1, 1],
        [1, 1],
      ] as const,
      dilation: [1, 1],
      groups: 1,
    };
    const x = variable("x", images, 4, 16, 16);
    const sum = g.one(conv, [x, variable("w", 16, 4, 3, 3)], attrs, "sum");
    const y = g.one(
      activations.relu!.forward,
      [g.one(addChannelBias, [sum, variable("b", 16)], null)],
      { alpha: 0 },
      "y",
    );
    const dw = g.one(convWeightGradient, [x, y], { ...attrs, kernel: [3, 3] }, "dw");
    const z = g.one(matmul, [variable("u", 64, 64), variable("v", 64, 64)], null, "z");
    g.keep(y, dw, z);
    return { g, names: ["convLayer", "convWeightGradient", "matmul"] };
  }

  test("are measured, a family by itself: what won for products says nothing of them", { retry: 2 }, async () => {
    const backend = await asGpu();
    const { g, names } = net(8);
    const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
    const { made } = backend.tuner!;
    expect(made.map(({ key }) => key.split(" ")[0]).sort()).toEqual([...names].sort());
    for (const { key, how, kernel, results } of made) {
      expect(how, key).toBe("measured");
      expect(results.length, key).toBeGreaterThan(1);
      expect(results.find((r) => r.kernel === kernel)!.ms).toBe(Math.min(...results.map((r) => r.ms!)));
    }
    // The problem that is timed has fewer images, and nothing else is smaller: so it has the same code.
    const layer = made.find(({ key }) => key.startsWith("convLayer"))!;
    expect(layer.shapes[0]!.slice(1)).toEqual([4, 16, 16]);
    expect(layer.shapes.slice(1)).toEqual([[16, 4, 3, 3], [16]]);
    executor.dispose();
    backend.dispose();
  });

  test("that compute wrongly lose, by their known answer", async () => {
    const backend = await asGpu();
    const { device } = backend.gpu;
    const module = device.createShaderModule.bind(device);
    // Of the kernels of blocks the first terms of each are left out.
    device.createShaderModule = (d) => module({ ...d, code: d.code.replace("var number = 0u", "var number = 1u") });
    const { g } = net(8);
    const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
    const layer = backend.tuner!.made.find(({ key }) => key.startsWith("convLayer"))!;
    expect(layer.kernel).not.toBe("convLayer/block-narrow");
    expect(layer.results.find(({ kernel }) => kernel === "convLayer/block-narrow")?.ms ?? null).toBeNull();
    expect([...backend.gpu.wrong.keys()]).toContain("convLayer/block-narrow");
    executor.dispose();
    backend.dispose();
  });

  test("are not measured on a CPU, where the ladder was", async () => {
    const backend = await webgpuBackend(navigator.gpu);
    const { g } = net(8);
    const nodes = fuse(g).filter(({ op }) => op.name !== "matmul");
    const { caps } = backend.gpu;
    expect(caps.onCpu).toBe(true);
    const least = nodes.flatMap(({ op }) => op.trial?.least?.(caps) ?? []);
    expect(least).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    backend.dispose();
  });
});
