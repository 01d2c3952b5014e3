import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { twoOutputs } from "../../src/app/worker/two-outputs.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { importNet } from "../../src/io/net/import.ts";
import { predictRows } from "../../src/train/evaluation/predict-rows.ts";
import { probabilities } from "../../src/train/evaluation/probabilities.ts";

const x = ndarray([3, 4], "f32", [0.5, -1, 2, 0.3, 1, 1, -1, 0, 0, 0, 0, 0]);
const read = (name: string) =>
  importNet({ name, bytes: new Uint8Array(readFileSync(new URL(`../fixtures/onnx/${name}`, import.meta.url))) });

test("one output, 0 beside it, gives the probabilities that the net's own library gives", async () => {
  const { model, weights, notes } = twoOutputs(await read("sig1.onnx"))!;
  expect([model.loss, notes.at(-1)]).toEqual(["crossEntropy", expect.stringContaining("stands beside a 0")]);
  const outputs = await predictRows(referenceBackend("f64"), model, weights!, x);
  // ONNX Runtime's.
  [0.435548, 0.471144, 0.451608].forEach((p, i) => {
    expect(probabilities(outputs, i)[1]).toBeCloseTo(p, 6);
  });
});

test("a regression stays one", async () => {
  expect(twoOutputs(await read("lin1.onnx"))).toBeNull();
});
