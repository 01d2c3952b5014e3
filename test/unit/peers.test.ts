import { expect, test } from "vitest";
import { apart, attentionGraph, attentionOperands, together, verifyAttention } from "../../bench/peers/attention.ts";
import { disagreement, exactTraining, problemOf } from "../../bench/peers/problem.ts";
import { tasks } from "../../bench/peers/tasks.ts";
import { ReferenceExecutor } from "../../src/backend/reference/executor.ts";

/** The check that every contestant passes before it is timed; nothing of a peer is needed for it. */
const task = tasks(4)[0]!;

test("image nets, sequences, convolutions and products can be asked for by words of their names", () => {
  const named = (...words: string[]) => tasks(1024, words).map((t) => t.name);
  expect(named("lenet", "resnet")).toEqual(["step lenet, batch 64, Adam", "step resnet20, batch 32, Adam"]);
  expect(named("gpt", "lstm")).toEqual(["step gpt, batch 8, Adam", "step lstm, batch 32, Adam"]);
  expect(named("attention")).toEqual(["attention 8 heads of 32, 1024 steps, causal, there and back"]);
  expect(named("conv")).toHaveLength(6);
  expect(tasks(1024)).toHaveLength(7 + 6 + 1 + 11);
});

test("attention's operands lie apart and come together again; a wrong gradient of a checked head is seen", () => {
  const size = { steps: 9, heads: 3, d: 4 };
  const operands = attentionOperands(size);
  for (const headsFirst of [false, true]) {
    expect(together(apart(operands.qkv, size, headsFirst), size, headsFirst)).toEqual(operands.qkv);
  }
  expect(apart(operands.dy, size, true)[0]![4 * 9 * 2]).toBe(operands.dy.data[4 * 2]);
  const { graph, result } = attentionGraph(size, operands);
  const executor = new ReferenceExecutor(graph, "f32");
  executor.step();
  const found = executor.read(result);
  expect(verifyAttention(size, operands, found)).toBe(true);
  for (const at of [0, 35, 3 * 12 * 9 - 1]) {
    const data = Float32Array.from(found.data);
    data[at]! += 1e-3;
    expect(verifyAttention(size, operands, { ...found, data }), `element ${at}`).toBe(false);
  }
});

test("exact training agrees with itself; a wrong loss, optimizer or weight does not", async () => {
  if (task.kind !== "training") throw new Error("the first task trains");
  const problem = problemOf(task);
  const exact = await exactTraining(task);
  const weights = (values: Float64Array): Float64Array[] => [0, 16, 32].map((at) => values.slice(1 + at, 17 + at));
  expect(exact).toHaveLength(1 + 48);
  expect(disagreement(problem, task.updateLimit, exact, exact[0]!, weights(exact))).toBeNull();
  expect(disagreement(problem, task.updateLimit, exact, exact[0]! * 1.001, weights(exact))).toMatch(/^loss /);
  const faster = await exactTraining({ ...task, optimizer: { type: "sgd", lr: task.optimizer.lr * 1.05 } });
  expect(disagreement(problem, task.updateLimit, exact, exact[0]!, weights(faster))).toMatch(/change is off by/);
  const firsts = [...problem.weights.values()].map((w) => w.data);
  expect(disagreement(problem, task.updateLimit, exact, exact[0]!, firsts)).toMatch(/change is off by 1/);
  expect(disagreement(problem, task.updateLimit, exact, exact[0]!, weights(exact).slice(1))).toMatch(
    /off by|weights, expected/,
  );
});
