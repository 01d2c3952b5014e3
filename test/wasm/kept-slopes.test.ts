import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { callsOf } from "../../src/backend/wasm/program.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { Graph, type Node, type Tensor } from "../../src/graph/graph.ts";
import { planMemory } from "../../src/graph/memory-plan.ts";
import { gelu } from "../../src/ops/elementwise/activations.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { keepSlopes } from "../../src/ops/elementwise/gelu-slope.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { matmul, transposeMatmul } from "../../src/ops/matmul/matmul.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";

/** y = gelu(a w), seen in another shape where `views`, and its way back from dy = b c, with whatever `more` adds to the graph. */
function graphOf({ views = false, more = (_g: Graph, _x: Tensor) => undefined as unknown } = {}) {
  const g = new Graph();
  const values = (shape: number[], by: number) =>
    g.variable(
      `v${by}`,
      ndarray(
        shape,
        "f32",
        Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => 3 * Math.sin(by * (i + 1))),
      ),
    );
  const shaped = (t: Tensor, shape: number[]): Tensor => (views ? g.one(reshape, [t], { shape }) : t);
  const product = shaped(g.one(matmul, [values([33, 8], 1), values([8, 7], 2)], null, "x"), [3, 11, 7]);
  const y = g.one(gelu.forward, [product], { alpha: 0 }, "y");
  const dy = g.one(transposeMatmul, [values([33, 5], 4), values([7, 5], 5)], { transpose: "b" }, "dy");
  const dx = g.one(gelu.backward, [shaped(dy, [3, 11, 7]), product], { alpha: 0 }, "dx");
  for (const t of [y, dx]) g.kept.add(t);
  more(g, product);
  return { g, y, dx };
}

const namesOf = (g: Graph, nodes = fuse(g)): string[] => keepSlopes(nodes, g.kept).map(({ op }) => op.name);

/** What a plan of these nodes takes. */
function bytesOf(g: Graph, nodes: readonly Node[]): number {
  const calls = callsOf(nodes);
  const { buffers } = planMemory(g, nodes, (node) => calls.get(node)?.scratch ?? []);
  return buffers.reduce((sum, { bytes }) => sum + bytes, 0);
}

describe("GELU leaves its slope behind for the way back", () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await wasmBackend();
  });
  afterAll(() => backend.dispose());

  test.each([
    ["layer by layer", {}],
    ["behind a change of shape", { views: true }],
  ])("with the same bits in no more memory, %s", async (_name, settings) => {
    const { g, y, dx } = graphOf(settings);
    const { nodes } = g;
    const names = namesOf(g, nodes);
    expect(names).toContain("geluWithSlope");
    expect(names).not.toContain("gelu");
    expect(names.filter((name) => /Gradient/.test(name))).toEqual([]);
    expect(bytesOf(g, keepSlopes(nodes, g.kept))).toBeLessThanOrEqual(bytesOf(g, nodes));
    const [kept, plain] = await Promise.all([
      backend.compile(g, { nodes }),
      backend.compile(g, { nodes, keepAll: true }),
    ]);
    const [ours, theirs] = await Promise.all([kept.run(1, [y, dx]), plain.run(1, [y, dx])]);
    expect(ours.map(({ data }) => [...data])).toEqual(theirs.map(({ data }) => [...data]));
    expect(ours.every(({ data }) => data.some((v) => v !== 0))).toBe(true);
    for (const executor of [kept, plain]) executor.dispose();
  });

  test("not where something else reads the input, or the host does", () => {
    const read = graphOf({ more: (g, x) => g.kept.add(g.one(add, [x, x], null)) });
    expect(namesOf(read.g)).toContain("gelu");
    const seen = graphOf({ views: true, more: (g, x) => g.kept.add(x) });
    expect(namesOf(seen.g)).toContain("gelu");
  });

  test("nor without a way back", () => {
    const g = new Graph();
    g.kept.add(g.one(gelu.forward, [g.variable("x", ndarray([1], "f32", [1]))], { alpha: 0 }));
    expect(namesOf(g)).toEqual(["gelu"]);
  });
});
