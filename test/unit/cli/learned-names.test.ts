/** Weights that learned from named classes, columns and tokens, and rows that have them in another order. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { type Preprocessing, preprocessingText } from "../../../src/data/preprocessing.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { dataFolder, lines, planned } from "../../shared/data-folder.ts";

const { put, net } = dataFolder();
let said = "";
beforeEach(() => {
  said = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const plain = { columns: null, pixelScale: null, scaling: null, classes: null, targets: null };
const column = (name: string, categories: string[] | null = null) => ({ name, categories });

/** Weights of a linear net, and the record of what they learned from. */
function learned(inputs: number, outputs: number, record: Partial<Preprocessing>): string {
  put("w.safetensors.json", preprocessingText({ ...plain, inputs, ...record }));
  return put(
    "w.safetensors",
    writeSafetensors([
      ["0.weight", ndarray([outputs, inputs], "f32", new Array(inputs * outputs).fill(0))],
      ["0.bias", ndarray([outputs], "f32", new Array(outputs).fill(0))],
    ]),
  );
}

async function rows(model: string, data: string, weights: string, ...flags: string[]) {
  const { trainer, preprocessing } = await planned(model, data, "--weights", weights, ...flags);
  const { x, y } = trainer.data as { x: { data: ArrayLike<number> }; y: { data: ArrayLike<number> } };
  return { x: Array.from(x.data), y: Array.from(y.data), preprocessing };
}

test.each<[string, string, number, readonly string[], readonly string[], readonly number[]]>([
  // Sorted, the file's classes are ant, bee, cow; whoever trained had them in the order of a folder's own list.
  ["in another order", "crossEntropy", 3, ["cow", "ant", "bee"], ["ant", "bee", "cow", "ant"], [1, 2, 0, 1]],
  ["fewer of them", "crossEntropy", 3, ["ant", "bee", "cow"], ["cow", "bee", "cow"], [2, 1, 2]],
  ["of one output", "bce", 1, ["yes", "no"], ["no", "yes", "no"], [1, 0, 1]],
  ["that count from 1, of which fewer are there", "crossEntropy", 3, ["1", "2", "3"], ["2", "1", "2"], [1, 0, 1]],
])("classes %s are the outputs that they were", async (_, loss, outputs, classes, labels, y) => {
  const weights = learned(1, outputs, { classes, columns: [column("a")], targets: ["kind"] });
  const data = put("d.csv", lines("a,kind", ...labels.map((label, i) => `${i},${label}`)));
  const found = await rows(net(1, outputs, loss), data, weights);
  expect(found.y).toEqual(y);
  expect(found.preprocessing.classes).toEqual(classes);
  expect(said).toContain("w.safetensors.json: classes are taken as the weights learned them, ");
});

test("other classes are said where each takes another's place, and refused where a name would move", async () => {
  const model = net(1, 2, "crossEntropy");
  const table = (...labels: string[]) => put("d.csv", lines("a,kind", ...labels.map((label, i) => `${i},${label}`)));
  const weights = learned(1, 2, { classes: ["cat", "dog"], columns: [column("a")], targets: ["kind"] });
  expect((await rows(model, table("pig", "yak", "pig"), weights)).y).toEqual([0, 1, 0]);
  expect(said).toContain('the weights learned classes "cat", "dog", and these are "pig", "yak", each in the place of');
  await expect(rows(model, table("ape", "cat"), weights)).rejects.toThrow(
    'the weights learned classes "cat", "dog", and these are "ape", "cat"; give these the names that they learned, or',
  );
});

test("columns are found by name, and a category that no row has is a column of zeros", async () => {
  const columns = [column("b"), column("colour", ["blue", "green", "red"]), column("a")];
  const weights = learned(5, 1, { columns, targets: ["y"] });
  const model = net(5, 1, "mse");
  const data = put("d.csv", lines("a,b,more,colour,y", "1,2,9,red,0.5", "3,4,9,blue,1.5", "5,6,9,red,2.25"));
  const { x, y, preprocessing } = await rows(model, data, weights);
  expect(x).toEqual([2, 0, 0, 1, 1, 4, 1, 0, 0, 3, 6, 0, 0, 1, 5]);
  expect(y).toEqual([0.5, 1.5, 2.25]);
  expect(preprocessing.columns).toEqual(columns);
  const violet = put("d.csv", lines("a,b,colour,y", "1,2,red,0.5", "3,4,blue,1.5", "5,6,violet,2.25"));
  await expect(rows(model, violet, weights)).rejects.toThrow('columns to learn from "b", "colour=blue"');
});

test("columns to predict are in the order that was learned", async () => {
  const weights = learned(1, 2, { columns: [column("a")], targets: ["v", "u"] });
  const data = put("d.csv", lines("a,u,v", "1,0.5,10.5", "2,1.5,20.5", "3,2.5,30.5"));
  const found = await rows(net(1, 2, "mse"), data, weights, "--label", "u,v");
  expect(found.y).toEqual([10.5, 0.5, 20.5, 1.5, 30.5, 2.5]);
  expect(found.preprocessing.targets).toEqual(["v", "u"]);
});

test("values that are scaled otherwise are said, and nothing is said of rows like those that were learned", async () => {
  const scaling = { mean: [3], deviation: [2] };
  const data = put("d.csv", lines("a,u", "1,0.5", "2,1.5", "3,2.5"));
  const record = { columns: [column("a")], targets: ["u"] };
  await rows(net(1, 1, "mse"), data, learned(1, 1, { ...record, scaling }));
  expect(said).toContain("learned from values scaled by mean and deviation; these are in their own units");
  said = "";
  await rows(net(1, 1, "mse"), data, learned(1, 1, record));
  expect(said).toBe("");
});

test("a text has the tokens of the text that was learned", async () => {
  const layers = [
    { type: "embedding", vocabulary: 5, size: 2 },
    { type: "linear", in: 2, out: 5 },
  ];
  const model = put("text.json", JSON.stringify({ input: [4], layers, loss: "crossEntropy" }));
  put(
    "t.safetensors.json",
    preprocessingText({ ...plain, inputs: 4, tokenizer: { type: "characters", characters: "abcd" } }),
  );
  const zeros = (...shape: number[]) => ndarray(shape, "f32", new Array(shape.reduce((a, b) => a * b)).fill(0));
  const arrays = [
    ["0.weight", zeros(5, 2)],
    ["1.weight", zeros(5, 2)],
    ["1.bias", zeros(5)],
  ] as const;
  const weights = put("t.safetensors", writeSafetensors(arrays.map(([name, array]) => [name, array])));
  // Alone, this text's characters are b, c, d and e.
  const text = put("new.txt", "bcde".repeat(12));
  const { trainer, preprocessing } = await planned(model, text, "--weights", weights);
  expect(preprocessing.tokenizer).toEqual({ type: "characters", characters: "abcd" });
  expect(Array.from((trainer.data as { x: { data: ArrayLike<number> } }).x.data).slice(0, 4)).toEqual([1, 2, 3, 4]);
  await expect(planned(model, text, "--weights", weights, "--tokenizer", "bytes")).rejects.toThrow(
    "t.safetensors.json (characters), to which --tokenizer bytes gives other numbers: leave it out",
  );
});
