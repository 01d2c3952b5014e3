import { afterEach, beforeEach, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { WHOLE_STEPS } from "../../src/backend/webgpu/device.ts";
import { selfTestOf } from "../../src/backend/webgpu/self-test.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { normals } from "../../src/core/philox.ts";
import { Graph, type Node } from "../../src/graph/graph.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { matmul } from "../../src/ops/matmul/matmul.ts";
import { product } from "../../src/ops/matmul/reference.ts";
import { trainingGraph } from "../../src/train/run/training-graph.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring, smallNet } from "../shared/problems.ts";

/** On first use of a device each kernel gives a known answer; one that is wrong is left out, and named. */

let backend: WebGpuBackend;
beforeEach(async () => {
  backend = await openGpu({ tune: false });
});
afterEach(() => backend.dispose());

/** A ladder whose last rung, which always suits, computes `edit`'s code. */
function withWrongRung(op: AnyOp, edit: (code: string) => string): AnyOp {
  const right = op.kernels[0]!;
  const wrong: typeof right = {
    name: `${op.name}/wrong`,
    suits: () => true,
    plan(...args) {
      const plan = right.plan(...args);
      return plan && { ...plan, launches: plan.launches.map((l) => ({ ...l, code: edit(l.code) })) };
    },
  };
  return { ...op, kernels: [...op.kernels, wrong] };
}

const a = ndarray([20, 30], "f32", normals(1, 4, 0, 600));
const b = ndarray([30, 16], "f32", normals(2, 4, 0, 480));

function productOf(op: AnyOp) {
  const g = new Graph();
  const y = g.one(op, [g.variable("a", a), g.variable("b", b)], null, "y");
  g.keep(y);
  return { g, y };
}

const shortSum = (code: string): string => code.replace("k < params.K", "k + 1u < params.K");

test("a wrong kernel is left out, and the run goes on with one that is right", async () => {
  const { g, y } = productOf(withWrongRung(matmul, shortSum));
  const executor = await backend.compile(g, { onChip: false });
  const [found] = await executor.run(1, [y]);
  const exact = product("NN", a, b);
  found!.data.forEach((v, i) => {
    expect(Math.abs(v - exact.data[i]!)).toBeLessThan(1e-4);
  });
  expect([...backend.gpu.wrong.keys()]).toEqual(["matmul/wrong"]);
  expect(backend.gpu.wrong.get("matmul/wrong")).toMatch(/computed .*, exact .*, bound/);
  executor.dispose();
});

test("right kernels pass, each once for a device, and nothing is left out", async () => {
  const first = await backend.compile(productOf(matmul).g, { onChip: false });
  const made = selfTestOf(backend.gpu).made.length;
  expect(made).toBeGreaterThan(0);
  const second = await backend.compile(productOf(matmul).g, { onChip: false });
  expect(selfTestOf(backend.gpu).made.length).toBe(made);
  expect(backend.gpu.wrong.size).toBe(0);
  for (const e of [first, second]) e.dispose();
});

const noWgsl = (code: string): string => `${code}\nfn wrong() { nonsense }`;

test("a kernel that needs what not every device has is left out where the device refuses it", async () => {
  const op = withWrongRung(matmul, noWgsl);
  const needy = op.kernels.map((k) => (k.name === "matmul/wrong" ? { ...k, needs: "subgroups" as const } : k));
  const executor = await backend.compile(productOf({ ...op, kernels: needy }).g, { onChip: false });
  expect(backend.gpu.wrong.get("matmul/wrong")).toMatch(/^kernel matmul\/wrong does not compile: line \d+/);
  executor.dispose();
});

test("any other that does not compile is a mistake of ours, and is told", async () => {
  const compiled = backend.compile(productOf(withWrongRung(matmul, noWgsl)).g, { onChip: false });
  await expect(compiled).rejects.toMatchObject({
    code: "device",
    message: expect.stringContaining("does not compile"),
  });
});

test("a rung that the device refuses is left out when kernels are timed", async () => {
  const tuned = await openGpu();
  const refused = {
    ...withWrongRung(matmul, noWgsl).kernels.at(-1)!,
    name: "matmul/direct",
    needs: "subgroups" as const,
  };
  const kernels = [...matmul.kernels.filter((k) => k.name !== "matmul/direct"), refused];
  const g = new Graph();
  const wide = ndarray([64, 64], "f32", normals(1, 4, 0, 4096));
  g.keep(g.one({ ...matmul, kernels }, [g.variable("a", wide), g.variable("b", wide)], null, "y"));
  const executor = await tuned.compile(g, { onChip: false });
  expect([...tuned.gpu.wrong.keys()]).toEqual(["matmul/direct"]);
  expect(tuned.tuner?.made[0]?.kernel).not.toBe("matmul/direct");
  executor.dispose();
  tuned.dispose();
});

test("where every kernel of an op is wrong, the error names them", async () => {
  const op = withWrongRung({ ...matmul, kernels: [matmul.kernels[0]!] }, shortSum);
  const only = { ...op, kernels: [op.kernels[1]!] };
  await expect(backend.compile(productOf(only).g, { onChip: false })).rejects.toMatchObject({
    code: "device",
    message: expect.stringMatching(/matmul: every kernel is wrong on this device: matmul\/wrong/),
  });
});

test("the kernel for whole steps is held against the reference, and left out where it is wrong", async () => {
  const { x, y } = ring(40);
  const plan = () =>
    trainingGraph({
      model: smallNet,
      weights: initialise(smallNet, 1),
      x,
      y,
      rows: 40,
      batch: 8,
      streams: false,
      optimizer: { type: "adam", lr: 0.01 },
      schedule: { type: "constant" },
      clip: 0,
      seed: 1,
      maxBufferSize: 2 ** 28,
    });
  const right = await backend.compile((await plan()).graph);
  expect(right.description).toContain("on the chip");
  const { graph } = await plan();
  const at = graph.nodes.findIndex((n) => n.op.name === "transposeMatmul");
  const node = graph.nodes[at]!;
  // Reads the second operand where the first is meant.
  const crossed: AnyOp = {
    ...node.op,
    onChip: (w, inputs, outputs, attrs) => matmulLike(node).onChip!(w, [inputs[0]!, inputs[0]!], outputs, attrs),
  };
  graph.nodes[at] = { ...node, op: crossed };
  const wrong = await backend.compile(graph);
  expect(wrong.description).toMatch(/dispatches a step/);
  expect(backend.gpu.wrong.get(WHOLE_STEPS)).toMatch(/loss ring \[\d+\]: computed .*, exact/);
  for (const e of [right, wrong]) e.dispose();
});

const matmulLike = (node: Node): AnyOp => node.op;
