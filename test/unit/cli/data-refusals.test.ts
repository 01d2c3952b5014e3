import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { run as predict } from "../../../src/cli/predict.ts";
import { ndarray, zeros } from "../../../src/core/ndarray.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { dataFolder, days, lines, planned, prices, summary } from "../../shared/data-folder.ts";

const { put, net } = dataFolder();

describe("labels and a loss that do not go together are refused, with both and what to change", () => {
  test.each<[string, string, readonly [number, number, string], readonly string[], string]>([
    [
      "many whole numbers",
      prices,
      [2, 2, "crossEntropy"],
      [],
      't.csv: "price" holds 118 different numbers in 120 rows (100000 to ',
    ],
    [
      "numbers with decimals",
      lines("a,y", "1,0.5", "2,1.5"),
      [1, 2, "crossEntropy"],
      [],
      '"y" holds 2 different numbers in 2 rows (0.5 to 1.5), a regression, and the model\'s loss is crossEntropy',
    ],
    [
      "texts",
      lines("a,y", "1,u", "2,v"),
      [1, 1, "mse"],
      [],
      't.csv: "y" holds 2 classes ("u", "v"), and the model\'s loss mse predicts numbers; give it "loss": "crossEntropy" and 2 outputs',
    ],
    [
      "more classes than outputs",
      lines("a,y", "1,u", "2,v", "3,w"),
      [1, 2, "crossEntropy"],
      [],
      '"y" holds 3 classes ("u", "v", "w"), and the model\'s crossEntropy has 2 outputs; give it "loss": "crossEntropy" and 3 outputs',
    ],
    [
      "three classes and one output",
      lines("a,y", "1,1", "2,2", "3,3"),
      [1, 1, "bce"],
      [],
      '"y" holds 3 classes ("1", "2", "3"), and the model\'s bce has 1 output; give it "loss": "crossEntropy" and 3 outputs, or "mse" and 1 for a regression',
    ],
    [
      "several columns",
      lines("a,p,q", "1,0,1", "2,1,1"),
      [1, 2, "crossEntropy"],
      ["--label", "p,q"],
      '"p", "q" are 2 columns to predict, and crossEntropy predicts one class; several labels of 0 and 1 need bce, numbers mse',
    ],
    [
      "a task",
      days,
      [2, 2, "crossEntropy"],
      ["--task", "regression"],
      "--task regression needs the loss mse or huber; this model has crossEntropy",
    ],
    [
      "labels",
      days,
      [2, 2, "mse"],
      ["--task", "multilabel"],
      "--task multilabel needs the loss bce; this model has mse",
    ],
    [
      "categories that were numbers",
      lines("price,area,y", '"1,200",50,p', '"2,450",60,q', '"1,999",55,p'),
      [2, 2, "crossEntropy"],
      [],
      'rows have 4 values, the model takes 2 (of categories "price" became 3); column "price" holds categories: "1,200" is a number with --thousands ,',
    ],
    [
      "one output for classes",
      days,
      [2, 1, "crossEntropy"],
      [],
      'crossEntropy of one output is always 0: two classes are "bce" of one output, or two outputs',
    ],
  ])("%s", async (_, text, [inputs, outputs, loss], flags, message) => {
    await expect(summary(net(inputs, outputs, loss), put("t.csv", text), ...flags)).rejects.toThrow(message);
  });

  test("as many outputs as numbers make classes of them", async () => {
    const labels = lines("a,y", ...Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 30}`));
    expect((await summary(net(1, 30, "crossEntropy"), put("t.csv", labels))).task).toBe("classification");
  });
});

test("flags that a file has no use for are refused by name", async () => {
  const x = ndarray([2, 1], "f32", [1, 2]);
  const npz = put(
    "rows.npz",
    writeNpz([
      ["x", x],
      ["y", ndarray([2], "i32", [0, 1])],
    ]),
  );
  const tensors = put(
    "rows.safetensors",
    writeSafetensors([
      ["x", x],
      ["y", ndarray([2], "i32", [0, 1])],
    ]),
  );
  const model = net(1, 2, "crossEntropy");
  for (const flags of [
    ["--label", "y"],
    ["--missing", "drop"],
    ["--decimal", ","],
    ["--separator", ";"],
    ["--no-header"],
  ]) {
    await expect(summary(model, npz, ...flags)).rejects.toThrow(
      `${flags[0]} is for tables, and rows.npz (npz) holds arrays: leave it out`,
    );
    await expect(summary(model, tensors, "--stream", ...flags)).rejects.toThrow(`${flags[0]} is for tables`);
  }
  await expect(summary(model, npz, "--header", "--categorical", "x")).rejects.toThrow(
    "--header, --categorical are for tables, and rows.npz (npz) holds arrays: leave them out",
  );
  expect((await summary(model, npz, "--task", "classification")).task).toBe("classification");
  const parquet = fileURLToPath(new URL("../../fixtures/parquet/plain.parquet", import.meta.url));
  await expect(summary(model, parquet, "--thousands", ",", "--missing", "drop")).rejects.toThrow(
    "--thousands is for text, and a Parquet file says itself",
  );
  const weights = put(
    "one.safetensors",
    writeSafetensors([
      ["0.weight", ndarray([2, 1], "f32", [1, 2])],
      ["0.bias", zeros([2], "f32")],
    ]),
  );
  const given = [model, "--weights", weights, "--data", npz, "--out", "-", "--backend", "reference"];
  await expect(predict([...given, "--decimal", ","])).rejects.toThrow("--decimal is for tables");
});

test("what lies between fields can be said, and is kept for rows to predict", async () => {
  const data = put("colons.txt", lines("a:b:y", "1:2:u", "3:4:v"));
  const plan = await planned(net(2, 2, "crossEntropy"), data, "--separator", ":");
  expect(plan.summary.line).toContain("from 2 numbers (a, b)");
  expect(plan.preprocessing.fields).toEqual({ separator: ":" });
  await expect(summary(net(2, 2, "crossEntropy"), data)).rejects.toThrow("say what lies there with --separator");
  const tabs = put("tabs.txt", lines("a,x\tb\ty", "1\t2\tu", "3\t4\tv"));
  for (const tab of ["\\t", "tab", "\t"]) {
    const line = "from 2 numbers (a,x, b)";
    expect((await summary(net(2, 2, "crossEntropy"), tabs, "--separator", tab)).line).toContain(line);
  }
  await expect(summary(net(2, 2, "crossEntropy"), data, "--separator", "||")).rejects.toThrow(
    "--separator must be one",
  );
  await expect(summary(net(2, 2, "crossEntropy"), data, "--separator", '"')).rejects.toThrow(
    "separator is one character",
  );
});

test("targets with one 1 a row are classes of another form, which is said", async () => {
  const y = ndarray([2, 3], "f32", [0, 1, 0, 1, 0, 0]);
  const data = put(
    "hot.npz",
    writeNpz([
      ["x", zeros([2, 1], "f32")],
      ["y", y],
    ]),
  );
  await expect(summary(net(1, 3, "crossEntropy"), data)).rejects.toThrow(
    "crossEntropy takes one class index a row, got y [2, 3]; of one-hot rows give the place of the 1 (argmax)",
  );
});
