import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { openGpu } from "../shared/gpu.ts";
import { ring, smallNet } from "../shared/problems.ts";

let gpu: Backend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

test("10,000 steps with live bytes constant from step 1 on and the process's memory flat; zero after dispose", async () => {
  const trainer = await createTrainer(gpu, { model: smallNet, data: ring(100), batch: 8 });
  const live = new Set<number>();
  const resident: number[] = [];
  const run = async (steps: number): Promise<void> => {
    for await (const m of trainer.run({ steps, logEvery: 500 })) {
      live.add(trainer.memory().liveBytes);
      if (m.step % 500 === 0) resident.push(process.memoryUsage().rss);
    }
  };
  await run(1);
  live.clear();
  await run(9999);
  expect([...live]).toHaveLength(1);
  const [early, late] = [resident[4]!, resident.at(-1)!];
  expect(late - early, `resident set grew from ${early} to ${late}`).toBeLessThan(48 * 2 ** 20);
  trainer.dispose();
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
}, 240_000);

test("values share buffers where their lives do not meet", async () => {
  const { Graph } = await import("../../src/graph/graph.ts");
  const { planMemory } = await import("../../src/graph/memory-plan.ts");
  const { ndarray } = await import("../../src/core/ndarray.ts");
  const { add } = await import("../../src/ops/add.ts");
  const g = new Graph();
  const x = g.variable("x", ndarray([64], "f32", new Float32Array(64)));
  let value = x;
  for (let i = 0; i < 20; i++) value = g.one(add, [value, x], null, `sum ${i}`);
  g.keep(value);
  const shared = planMemory(g, g.nodes, () => []);
  expect(shared.buffers).toHaveLength(4);
  expect(planMemory(g, g.nodes, () => [], true).buffers).toHaveLength(21);
});
