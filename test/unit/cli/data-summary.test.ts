import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { run as predict } from "../../../src/cli/predict.ts";
import { run as train } from "../../../src/cli/train.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { dataFolder, days, lines, planned, prices, summary } from "../../shared/data-folder.ts";

const { folder, put, net } = dataFolder();

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
