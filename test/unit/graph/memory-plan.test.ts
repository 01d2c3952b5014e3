import { expect, test } from "vitest";
import { zeros } from "../../../src/core/ndarray.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { planMemory } from "../../../src/graph/memory-plan.ts";
import { activations } from "../../../src/ops/elementwise/activations.ts";
import { add } from "../../../src/ops/elementwise/add.ts";
import { sumRows } from "../../../src/ops/matmul/bias.ts";

test("what is small and lives long takes no room that large values share one after the other", () => {
  const g = new Graph();
  const relu = activations.relu!.forward;
  const large = g.variable("large", zeros([256, 4], "f32"));
  const ends = [0, 1, 2].map(() =>
    g.one(relu, [g.one(sumRows, [g.one(relu, [large], { alpha: 0 })], null)], { alpha: 0 }),
  );
  g.keep(ends.reduce((a, b) => g.one(add, [a, b], null)));
  const { buffers, places } = planMemory(g, g.nodes, () => []);
  // The variable, and one buffer for the three rectified copies of it.
  expect(buffers.filter(({ bytes }) => bytes === 4096)).toHaveLength(2);
  const shared = g.nodes.filter((n) => n.outputs[0]!.shape.length === 2).map((n) => places.get(n.outputs[0]!)!.storage);
  expect(new Set(shared.map((s) => s.buffer)).size).toBe(1);
  for (const [i, a] of shared.entries()) for (const b of shared.slice(i + 1)) expect(a.last).toBeLessThan(b.first);
});
