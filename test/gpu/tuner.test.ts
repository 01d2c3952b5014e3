import { expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { Graph } from "../../src/graph/graph.ts";
import { matmul } from "../../src/ops/matmul.ts";

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

/** Two products of one kind, the first the larger: x [64, 128] through [128, 64] and [64, 64]. */
function twoProducts(): Graph {
  const g = new Graph();
  const variable = (name: string, ...shape: [number, number]) =>
    g.variable(name, ndarray(shape, "f32", normals(shape[0], 4, 0, shape[0] * shape[1])));
  const y = g.one(matmul, [variable("x", 64, 128), variable("w", 128, 64)], null, "y");
  g.keep(g.one(matmul, [y, variable("v", 64, 64)], null, "z"));
  return g;
}

test("the largest product is measured, and one of its kind takes over what won", async () => {
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

test("where compiling takes long, it is all asked for at once, and no third kernel is begun that could not be timed", async () => {
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
