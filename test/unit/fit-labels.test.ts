import { expect, test } from "vitest";
import { endsOf, fitLabels } from "../../src/app/worker/fit-labels.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { readCsv } from "../../src/data/csv.ts";
import type { DataSplit, Dataset } from "../../src/data/dataset.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

const net = (out: number, loss: string) => parseModel({ layers: [{ type: "linear", in: 1, out }], loss });
const table = (...labels: (string | number)[]): DataSplit => {
  const lines = labels.map((label, i) => `${i / 4},${label}`);
  return { train: readCsv("t.csv", `a,y\n${lines.join("\n")}\n`, { task: "classification" }), test: null };
};
const arrays = (...labels: number[]): DataSplit => ({
  train: { name: "t", x: ndarray([labels.length, 1], "f32", labels), y: ndarray([labels.length], "i32", labels) },
  test: null,
});
const labelsOf = ({ y, classes }: Dataset) => [[...y.data], y.dtype, classes];

test("labels with gaps are the outputs of those numbers, where the net has more than there are classes", () => {
  for (const split of [table(0, 2, 5, 2), arrays(0, 2, 5, 2)]) {
    const { split: fitted, note } = fitLabels(split, net(10, "crossEntropy"))!;
    expect(labelsOf(fitted.train)).toEqual([[0, 2, 5, 2], "i32", ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]]);
    expect(endsOf(fitted.train)).toEqual({ inputs: 1, outputs: 10, loss: "crossEntropy" });
    expect(note).toMatch(/of the 10 classes that the net tells apart/);
  }
  for (const labels of [
    ["low", "high"],
    [0, 2, 10],
    ["-1", 1],
  ]) {
    expect(fitLabels(table(...labels), net(10, "crossEntropy"))).toBeNull();
  }
  expect(fitLabels(table(0, 1), net(2, "crossEntropy"))).toBeNull();
});

test("labels that are numbers are values to one linear output", () => {
  for (const split of [table(0, 1, 1, 0), arrays(0, 1, 1, 0)]) {
    const { split: fitted, note } = fitLabels(split, net(1, "mse"))!;
    expect(labelsOf(fitted.train)).toEqual([[0, 1, 1, 0], "f32", undefined]);
    expect(endsOf(fitted.train)).toEqual({ inputs: 1, outputs: 1, loss: "mse" });
    expect(note).toContain("are learned as numbers");
  }
  expect(fitLabels(table(-1, 1, 1), net(1, "huber"))!.split.train.y.data).toEqual(Float32Array.of(-1, 1, 1));
  expect(fitLabels(table("no", "yes"), net(1, "mse"))).toBeNull();
  const shipped: DataSplit = { train: { ...arrays(0, 1, 1).train, classes: ["upper", "lower"] }, test: null };
  const { split, note } = fitLabels(shipped, net(1, "mse"))!;
  expect([...split.train.y.data]).toEqual([0, 1, 1]);
  expect(note).toContain("upper and lower, as 0 and 1, are learned as numbers");
  const three: DataSplit = { train: { ...arrays(0, 1, 2).train, classes: ["a", "b", "c"] }, test: null };
  expect(fitLabels(three, net(1, "mse"))).toBeNull();
  expect(fitLabels(table(0, 1), net(2, "mse"))).toBeNull();
  expect(fitLabels(table(0, 1), net(1, "bce"))).toBeNull();
});
