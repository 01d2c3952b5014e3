import { expect, test } from "vitest";
import { readCsv } from "../../../src/data/csv.ts";
import { noticeText } from "../../../src/data/table-notice.ts";
import { dataFolder, lines, planned, summary } from "../../shared/data-folder.ts";

const { put, net } = dataFolder();
const column = (...labels: (string | number)[]): string =>
  put("c.csv", lines("a,y", ...labels.map((label, i) => `${(i * 7) % 5},${label}`)));

test.each<[string, readonly number[], number, string, readonly number[], readonly string[]]>([
  ["a class that no row has", [0, 1, 4, 1, 4], 5, "crossEntropy", [0, 1, 4, 1, 4], ["0", "1", "2", "3", "4"]],
  ["no row of the first class", [1, 2, 2, 1, 2], 3, "crossEntropy", [1, 2, 2, 1, 2], ["0", "1", "2"]],
  ["rows of the second class alone", [1, 1, 1], 1, "bce", [1, 1, 1], ["0", "1"]],
  ["and of two outputs", [1, 1, 1], 2, "crossEntropy", [1, 1, 1], ["0", "1"]],
  ["classes that count from 1", [1, 2, 3, 1], 3, "crossEntropy", [0, 1, 2, 0], ["1", "2", "3"]],
  ["any other numbers", [0, 5, 10, 5], 3, "crossEntropy", [0, 1, 2, 1], ["0", "5", "10"]],
  ["-1 and 1", [-1, 1, 1, -1], 1, "bce", [0, 1, 1, 0], ["-1", "1"]],
])("labels that can be a model's outputs are just those: %s", async (_, labels, outputs, loss, y, classes) => {
  const { trainer, preprocessing } = await planned(net(1, outputs, loss), column(...labels));
  expect([...((trainer.data as { y: { data: ArrayLike<number> } }).y.data as number[])]).toEqual(y);
  expect(preprocessing.classes).toEqual(classes);
});

test("a class without a row to learn from is named", async () => {
  const { warnings } = await summary(net(1, 5, "crossEntropy"), column(0, 1, 4, 1, 4));
  expect(warnings).toEqual(["no row to learn from has the classes 2, 3"]);
});

test("classes of large numbers are never one, and labels that f32 makes one are named", async () => {
  const ids = column("9007199254740993", "9007199254740992", "9007199254740992");
  await expect(summary(net(1, 2, "crossEntropy"), ids)).rejects.toThrow("say --task classification");
  const told = await summary(net(1, 2, "crossEntropy"), ids, "--task", "classification");
  expect(told.classes).toEqual(["9007199254740993", "9007199254740992"]);
  const seconds = lines("a,y", "1,1700000001", "2,1700000002.5", "4,1700000003");
  expect(readCsv("s.csv", seconds).table!.notices.map(noticeText)).toEqual([
    'column "y" is to be predicted and loses digits: 1700000001 and 1700000002.5 are one number in f32; take the same number off each in the file',
  ]);
});

test("what is no number is said to be one in another notation only where it is none in this", () => {
  const thrown = (field: string) => () => readCsv("f.csv", lines("a,y", `${field},u`, "2,v"));
  expect(thrown("1e400")).toThrow(/"1e400" is not a number that f32 can hold$/);
  expect(thrown("-")).toThrow('can hold; where it stands for a missing value, say so: --missing-values "-"');
});

test("a table in UTF-16 is refused by that name, with its mark and without", () => {
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "utf16le"));
  const again = "; save it as UTF-8";
  expect(() => readCsv("f.csv", bytes("\uFEFFa,y\n1,2\n"))).toThrow(`it has the mark of UTF-16${again}`);
  expect(() => readCsv("f.csv", bytes("a,y\n1,2\n"))).toThrow(`it holds zero bytes, as UTF-16 does${again}`);
  expect(() => readCsv("f.csv", Uint8Array.of(0x61, 0xe9))).toThrow(`f.csv: not UTF-8 text${again}`);
});

test("names of columns may have spaces behind the commas of a flag", async () => {
  const data = put("s.csv", lines("a,b,c,y", "1,2,3,4.5", "2,3,5,5.5"));
  expect((await summary(net(2, 1, "mse"), data, "--features", "a, c", "--label", " y")).numbers).toEqual(["a", "c"]);
});
