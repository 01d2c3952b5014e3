import { expect, test } from "vitest";
import { dataSummary } from "../../../src/cli/data-summary.ts";
import { evaluationLine } from "../../../src/cli/train-output.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { embedding, flatten, linear, type ModelSpec, sequential } from "../../../src/index.ts";

const x = ndarray([2, 3], "i32", [0, 1, 2, 3, 4, 0]);
const net = (...layers: Parameters<typeof sequential>[0]): ModelSpec =>
  sequential([embedding(5, 4), ...layers], { input: [3], loss: "crossEntropy" });
const scores = (model: ModelSpec, y: number[]) => {
  const summary = dataSummary({ x, y: ndarray(y.length === 2 ? [2] : [2, 3], "i32", y) }, model, 2);
  const line = JSON.parse(evaluationLine(7, "test", { loss: Math.log(8), accuracy: 0.5 }, summary));
  return { summary, line };
};

test("where every step has a class a loss is a perplexity, and bits per token", () => {
  const { summary, line } = scores(net(linear(6)), [0, 1, 2, 3, 4, 5]);
  expect(summary.line).toContain("from 3 tokens");
  expect(line).toMatchObject({ step: 7, evaluation: "test", accuracy: 0.5 });
  expect(line.perplexity).toBeCloseTo(8, 10);
  expect(line.bitsPerToken).toBeCloseTo(3, 10);
});

test("a class for a whole row has neither", () => {
  const { line } = scores(net(flatten(), linear(2)), [0, 1]);
  expect(Object.keys(line)).toEqual(["step", "evaluation", "loss", "accuracy"]);
});
