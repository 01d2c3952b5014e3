import { expect, test } from "vitest";
import { attentionGraph } from "../../../bench/peers/attention.ts";
import { callsOf, layProgram } from "../../../src/backend/wasm/program.ts";
import { chooseKernel } from "../../../src/backend/webgpu/choose.ts";
import { zeros } from "../../../src/core/ndarray.ts";
import { planMemory } from "../../../src/graph/memory-plan.ts";
import { DEFAULT_CAPS } from "../../../src/graph/op.ts";

/** Attention there and back, 8 heads of 32, never holds its scores: what it takes grows with the steps, not with their square. */
const STEPS = [256, 512, 1024, 2048, 4096];

const graphOf = (steps: number) => {
  const size = { steps, heads: 8, d: 32 };
  return attentionGraph(size, { qkv: zeros([1, steps, 768], "f32"), dy: zeros([1, steps, 256], "f32") }).graph;
};

/** As a device on a CPU has them, and as a GPU. */
const planned = (steps: number, onCpu: boolean): number => {
  const graph = graphOf(steps);
  const scratch = (node: (typeof graph.nodes)[number]) =>
    chooseKernel(node, { ...DEFAULT_CAPS, onCpu }, null, new Map()).plan.scratch ?? [];
  return planMemory(graph, graph.nodes, scratch).buffers.reduce((sum, { bytes }) => sum + bytes, 0);
};

const laid = (steps: number): number => {
  const graph = graphOf(steps);
  return layProgram(graph, {}, callsOf(graph.nodes), ["attention", "attentionGradient"]).bytes;
};

test.each([
  ["WebGPU on a CPU", (t: number) => planned(t, true)],
  ["WebGPU on a GPU", (t: number) => planned(t, false)],
  ["WebAssembly", laid],
])("%s", (_, bytesOf) => {
  const bytes = STEPS.map(bytesOf);
  // Twice the steps take at most twice the memory, and a step as much as any other.
  for (let i = 1; i < bytes.length; i++) expect(bytes[i]! / bytes[i - 1]!).toBeLessThan(2.01);
  const perStep = STEPS.slice(1).map((steps, i) => (bytes[i + 1]! - bytes[i]!) / (steps - STEPS[i]!));
  for (const one of perStep) expect(one).toBeCloseTo(perStep[0]!, -3);
  // qkv, its gradient, o and dy of 1,024 steps are 8.4 MB; one head's scores would be 4.2 more, eight heads' 34.
  expect(bytes[2]!).toBeLessThan(9.2e6);
});
