import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run as predict } from "../../../src/cli/predict.ts";
import { run as train } from "../../../src/cli/train.ts";
import { trainPlan } from "../../../src/cli/train-plan.ts";
import { ndarray, zeros } from "../../../src/core/ndarray.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-data-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;
const net = (inputs: number, outputs: number, loss: string): string =>
  put(
    `${inputs}-${outputs}-${loss}.json`,
    JSON.stringify({ layers: [{ type: "linear", in: inputs, out: outputs }], loss }),
  );
const planned = async (model: string, data: string, ...flags: string[]) =>
  (await trainPlan([model, "--data", data, ...flags]))!;
const summary = async (...given: Parameters<typeof planned>) => (await planned(...given)).summary;

/** 118 whole numbers in 120 rows. */
const prices = lines(
  "rooms,area,price",
  ...Array.from(
    { length: 120 },
    (_, i) => `${1 + (i % 5)},${27 + ((i * 13) % 170)},${100_000 + (((i % 118) * 7919) % 900_000)}`,
  ),
);
const days = lines(
  "day,temp,y",
  ...Array.from({ length: 8 }, (_, i) => `${20240101 + i},${5 + (i % 3)},${i % 2 ? "even" : "odd"}`),
);

describe("what is predicted, and as what, is said in one line", () => {
  test.each<[string, string, readonly [number, number, string], readonly string[], string]>([
    [
      "two classes",
      days,
      [2, 2, "crossEntropy"],
      ["--standardise"],
      "predicts y (2 classes: even, odd) from 2 numbers (day, temp); 8 rows",
    ],
    [
      "two classes of one output",
      days,
      [2, 1, "bce"],
      ["--standardise"],
      "predicts y (2 classes: even, odd) from 2 numbers (day, temp); 8 rows",
    ],
    [
      "a regression of whole numbers",
      prices,
      [2, 1, "mse"],
      [],
      "predicts price (regression) from 2 numbers (rooms, area); 120 rows",
    ],
    [
      "a regression of standardised numbers",
      prices,
      [2, 1, "mse"],
      ["--standardise"],
      "predicts price (regression, in its own unit) from 2 numbers (rooms, area), standardised; 120 rows",
    ],
    [
      "a regression of several numbers",
      lines("a,p,q", "1,2,3.5", "2,4,5"),
      [1, 2, "huber"],
      ["--label", "p,q"],
      "predicts p, q (regression) from 1 number (a); 2 rows",
    ],
    [
      "several labels",
      lines("a,p,q", "1,0,1", "2,1,1"),
      [1, 2, "bce"],
      ["--label", "p,q"],
      "predicts p, q (2 labels, each 0 or 1) from 1 number (a); 2 rows",
    ],
    [
      "grades as numbers",
      lines("a,y", "1,3", "2,8", "3,3"),
      [1, 1, "mse"],
      [],
      "predicts y (regression) from 1 number (a); 3 rows",
    ],
    [
      "grades as classes",
      lines("a,y", "1,3", "2,8", "3,3"),
      [1, 2, "mse"],
      ["--task", "classification"],
      "predicts y (2 classes: 3, 8) from 1 number (a); 3 rows",
    ],
    [
      "categories, dropped rows and an index",
      lines(",kind,a,y", "0,oak,1,u", "1,NA,2,v", "2,pine,,u", "3,pine,NaN,v"),
      [3, 2, "crossEntropy"],
      ["--missing", "drop"],
      "predicts y (1 class: u) from 1 number (a) and 1 category column (kind: 1 values); 1 of 4 rows, 3 dropped (kind missing in 1, a missing in 2); left out: column 1 without a name",
    ],
  ])("%s", async (_, text, [inputs, outputs, loss], flags, line) => {
    const width = line.includes("oak") || line.includes("1 values") ? 2 : inputs;
    expect((await summary(net(width, outputs, loss), put("t.csv", text), ...flags)).line).toBe(line);
  });

  test("of arrays, by the loss: whole numbers are values, classes, or several labels", async () => {
    const x = ndarray([3, 2], "f32", [1, 2, 3, 4, 5, 6]);
    const values = put(
      "v.npz",
      writeNpz([
        ["x", x],
        ["y", ndarray([3], "i32", [7, 40, 12])],
      ]),
    );
    expect((await summary(net(2, 1, "mse"), values)).line).toBe("predicts y (regression) from 2 numbers; 3 rows");
    expect((await planned(net(2, 1, "mse"), values)).trainer.data).toMatchObject({
      y: { data: Float32Array.of(7, 40, 12) },
    });
    const hot = put(
      "h.npz",
      writeNpz([
        ["x", x],
        ["y", ndarray([3, 2], "i32", [0, 1, 1, 1, 0, 0])],
      ]),
    );
    expect((await summary(net(2, 2, "bce"), hot)).line).toBe(
      "predicts y (2 labels, each 0 or 1) from 2 numbers; 3 rows",
    );
    const classes = put(
      "c.npz",
      writeNpz([
        ["x", x],
        ["y", ndarray([3], "i32", [0, 2, 1])],
      ]),
    );
    expect((await summary(net(2, 3, "crossEntropy"), classes)).line).toBe(
      "predicts y (3 classes) from 2 numbers; 3 rows",
    );
    await expect(summary(net(2, 1, "bce"), values)).rejects.toThrow(
      "y holds 7 in row 0: bce takes targets from 0 to 1",
    );
  });

  test("of presets", async () => {
    expect((await summary("spirals", "spirals")).line).toBe(
      "predicts y (3 classes: first, second, third) from 2 numbers; 1200 rows",
    );
    expect((await summary("digits", "digits")).line).toContain("from images of 8 x 8; 1797 rows");
  });
});

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

test("labels that a net hardly reaches are named, and stay as the file has them", async () => {
  const data = put("prices.csv", prices);
  const { summary: said, trainer } = await planned(net(2, 1, "mse"), data, "--standardise");
  expect(said.warnings).toEqual([
    'column "price" is to be predicted and lies near 530000, with a deviation of 270000: a net learns that slowly; divide it by 100000 or so in the file',
  ]);
  expect(trainer.data).toMatchObject({ y: { data: { 0: 100_000, 1: 107_919 } } });
  const several = put("several.csv", lines("a,p,q", "1,0.5,1500.5", "2,1.5,1700.5"));
  expect((await summary(net(1, 2, "huber"), several, "--label", "p,q")).warnings).toEqual([
    'column "q" is to be predicted and lies near 1600, with a deviation of 100: a net learns that slowly; divide it by 1000 or so in the file',
  ]);
  const x = ndarray([2, 1], "f32", [1, 2]);
  const wide = writeNpz([
    ["x", x],
    ["y", ndarray([2, 2], "f32", [1, 300, 2, 300])],
  ]);
  expect((await summary(net(1, 2, "mse"), put("wide.npz", wide))).warnings.join()).toContain(
    '"y 1" is to be predicted',
  );
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
  await expect(summary(model, npz, "--header", "--categorical", "x")).rejects.toThrow("--header, --categorical is for");
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
  const data = put("pipes.txt", lines("a|b|y", "1|2|u", "3|4|v"));
  const plan = await planned(net(2, 2, "crossEntropy"), data, "--separator", "|");
  expect(plan.summary.line).toContain("from 2 numbers (a, b)");
  expect(plan.preprocessing.fields).toEqual({ separator: "|" });
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

test("numbers that f32 does not tell apart are named where nothing scales them", async () => {
  const [model, data] = [net(2, 2, "crossEntropy"), put("days.csv", days)];
  expect((await summary(model, data)).warnings).toEqual([
    'column "day" loses digits: 20240103 and 20240104 are one number in f32; standardise the columns',
  ]);
  expect((await summary(model, data, "--standardise")).warnings).toEqual([]);
  const x = ndarray([4, 1], "f64", [1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3]);
  const npz = put(
    "t.npz",
    writeNpz([
      ["x", x],
      ["y", ndarray([4], "i32", [0, 1, 0, 1])],
    ]),
  );
  expect((await summary(net(1, 2, "crossEntropy"), npz)).warnings.join()).toContain('column "x 0" loses digits');
});

test("train says it on stderr and in --json, and warns of a softmax before crossEntropy; predict keeps days apart", async () => {
  const out: string[] = [];
  const err: string[] = [];
  const take = (list: string[]) => (text: unknown) => list.push(String(text)) > 0;
  vi.spyOn(process.stdout, "write").mockImplementation(take(out));
  vi.spyOn(process.stderr, "write").mockImplementation(take(err));
  const layers = [{ type: "linear", in: 2, out: 2 }, { type: "softmax" }];
  const model = put("softmax.json", JSON.stringify({ layers, loss: "crossEntropy" }));
  const [data, saved] = [put("days.csv", days), join(folder, "w.safetensors")];
  const given = ["--backend", "reference", "--steps", "3", "--standardise", "--lr", "0.5"];
  const status = await train([model, "--data", data, ...given, "--save", saved, "--json"]);
  const fresh = put("new.csv", lines("day,temp", ...Array.from({ length: 4 }, (_, i) => `${20240101 + i},5`)));
  const table = join(folder, "p.csv");
  const second = await predict([model, "--weights", saved, "--data", fresh, "--out", table, "--backend", "reference"]);
  vi.restoreAllMocks();
  expect([status, second]).toEqual([0, 0]);
  const said = err.join("");
  expect(said).toContain("predicts y (2 classes: even, odd) from 2 numbers (day, temp); 8 rows\n");
  expect(said).toContain(
    'warning: model: layer 1 is a softmax, and the loss crossEntropy applies its own softmax to that: take {"type": "softmax"} out of "layers"',
  );
  expect(JSON.parse(out[0]!)).toMatchObject({
    data: { label: ["y"], task: "classification", numbers: ["day", "temp"], warnings: [] },
  });
  const probabilities = readFileSync(table, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",")[2]);
  expect(new Set(probabilities).size).toBe(4);
});
