import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { caseInputs } from "../../src/graph/case-inputs.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { opNamed } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

const backend = await wasmBackend();
afterAll(() => backend.dispose());

const config = {
  model: mixedNet,
  weights: initialise(mixedNet, 3),
  ...ring(40),
  rows: 40,
  batch: 8,
  streams: false,
  optimizer: { type: "adam", lr: 0.01 },
  schedule: { type: "constant" },
  clip: 0,
  seed: 1,
  maxBufferSize: 2 ** 30,
} as const;

test("an op without kernels runs its reference in the midst of the others", async () => {
  const whole = await trainingGraph(config);
  const mixed = await trainingGraph(config);
  const { wasm: _, ...withoutGelu } = opNamed("gelu");
  const { wasm: __, ...withoutAdam } = opNamed("adam");
  const nodes = mixed.graph.nodes.map((node) => {
    const stand = { gelu: withoutGelu, adam: withoutAdam }[node.op.name];
    return stand ? { ...node, op: stand as AnyOp } : node;
  });
  expect(nodes.filter((n) => !n.op.wasm && !n.op.view)).toHaveLength(2);
  const a = await backend.compile(whole.graph);
  const b = await backend.compile(mixed.graph, { nodes });
  const [exact] = await a.run(40, [whole.ring]);
  const [computed] = await b.run(40, [mixed.ring]);
  for (let s = 0; s < 40; s++) expect(computed!.data[4 * s]).toBeCloseTo(exact!.data[4 * s]!, 4);
  expect(computed!.data[4 * 39]).toBeGreaterThan(0);
  a.dispose();
  b.dispose();
});

test("dropout and the shuffle are the reference's, bit for bit", async () => {
  for (const name of ["dropout", "batchIndex"]) {
    const op = opNamed(name);
    for (const c of (await proofOf(op)).cases) {
      const inputs = caseInputs(c, 1);
      const g = new Graph();
      const y = g.one(
        op,
        inputs.map((x, i) => g.variable(`${i}`, x)),
        c.attrs,
      );
      g.keep(y);
      const executor = await backend.compile(g);
      const [computed] = await executor.run(1, [y]);
      executor.dispose();
      expect([...computed!.data], c.name).toEqual([...op.reference(inputs, c.attrs)[0]!.data]);
    }
  }
});

test("work that is queued runs in order; a value that was fused away, a wrong shape and a late run are refused", async () => {
  const { x, y } = ring(24);
  const g = await gradientGraph(mixedNet, config.weights, x, y, { seed: 1, maxBufferSize: 2 ** 30 });
  const executor = await backend.compile(g.graph, { nodes: fuse(g.graph) });
  const first = executor.run(1, [g.loss]);
  executor.write(g.x, { ...x, data: x.data.map((v) => 2 * v) });
  const second = executor.run(1, [g.loss]);
  executor.write(g.x, x);
  const third = executor.run(1, [g.loss]);
  const [a, b, c] = (await Promise.all([first, second, third])).map(([loss]) => loss!.data[0]);
  expect(a).toBe(c);
  expect(a).not.toBe(b);
  const hidden = g.graph.nodes.find((n) => n.op.name === "matmul")!.outputs[0]!;
  await expect(executor.run(1, [hidden])).rejects.toThrow(/fused away/);
  expect(() => executor.write(g.x, ndarray([1], "f32", [1]))).toThrow(/shapes differ/);
  executor.dispose();
  await expect(executor.run(1)).rejects.toThrow(/disposed/);
});

test("timers have their turn while it computes, and dispose stops a long run", async () => {
  const t = await trainingGraph(config);
  const executor = await backend.compile(t.graph);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const run = executor.run(2 ** 30);
  await new Promise((resolve) => setTimeout(resolve, 300));
  executor.dispose();
  await expect(run).rejects.toThrow(/disposed/);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test("a run that no address reaches is refused before anything is allocated", async () => {
  const g = new Graph();
  const row = g.variable("row", ndarray([1, 2 ** 16], "f32", new Float32Array(2 ** 16)));
  g.keep(g.one(opNamed("outerProduct"), [row, row], null));
  await expect(backend.compile(g)).rejects.toThrow(/use a smaller net/);
});

describe("where the engine lacks something", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("without WebAssembly the reference stands in, and its description says why", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    const fallback = await cpuBackend();
    expect(fallback.description).toBe("CPU reference (f32, plain loops: there is no WebAssembly here)");
  });

  test("so it does without SIMD", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const fallback = await cpuBackend();
    vi.restoreAllMocks();
    expect(fallback.description).toMatch(/plain loops: this engine's WebAssembly has no SIMD/);
  });

  test("without shared memory the kernels run on one thread", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const single = await wasmBackend({ threads: 4 });
    expect(single.description).toContain("SIMD, 1 thread");
    const g = new Graph();
    const x = g.variable("x", ndarray([3], "f32", [1, 2, 3]));
    const y = g.one(opNamed("add"), [x, x], null);
    g.keep(y);
    const [sum] = await (await single.compile(g)).run(1, [y]);
    expect([...sum!.data]).toEqual([2, 4, 6]);
  });
});
