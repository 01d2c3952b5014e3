/** What a column is meant as that is read as another thing: named with a value, its line and what to do. */

import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it, test } from "vitest";
import { type CsvOptions, readCsv } from "../../../src/data/csv.ts";
import { parsePreprocessing, prepareCsv, preprocessingOf, preprocessingText } from "../../../src/data/preprocessing.ts";
import { noticeText } from "../../../src/data/table-notice.ts";
import { loadDataFile } from "../../../src/io/dataset/load.ts";
import { dataFolder, lines, planned, summary } from "../../shared/data-folder.ts";

const { put, net } = dataFolder();
const texts = ({ table }: ReturnType<typeof readCsv>) => table!.notices.map(noticeText);
/** A column "a" of these fields beside one of numbers and two classes. */
const feature = (fields: readonly string[]) =>
  lines("a,b,y", ...fields.map((field, i) => `"${field}",${(i * 7) % 5},${"uv"[i % 2]}`));
const label = (fields: readonly string[]) => lines("b,y", ...fields.map((field, i) => `${(i * 7) % 5},"${field}"`));

describe("codes with leading zeros", () => {
  const codes = ["01234", "90210", "00501", "10001"];

  test("are numbers, which is said, unless they are asked for as categories: then they stay as they are", () => {
    const data = readCsv("f.csv", feature(codes));
    expect(texts(data)).toEqual([
      'column "a" loses leading zeros: "01234" is the number 1234; where it is a code, take it as categories (--categorical) or leave it out',
    ]);
    const kept = readCsv("f.csv", feature(codes), { categorical: ["a"] });
    expect(kept.columns![0]!.categories).toEqual(["00501", "01234", "10001", "90210"]);
    expect(texts(kept)).toEqual([]);
    const record = parsePreprocessing("f", JSON.parse(preprocessingText(preprocessingOf(kept))));
    expect([...prepareCsv("n", lines("a,b", "01234,2"), record, "refuse").x.data]).toEqual([0, 1, 0, 0, 2]);
    expect(() => prepareCsv("n", lines("a,b", "1234,2"), record, "refuse")).toThrow('"1234" is not among "00501"');
  });

  test("keep their names as classes, in the order of their numbers", () => {
    const data = readCsv("f.csv", label(["010", "002", "010", "001"]));
    expect(data.classes).toEqual(["001", "002", "010"]);
    expect([...data.y.data]).toEqual([2, 1, 2, 0]);
    // Written in two ways they are numbers.
    expect(readCsv("f.csv", label(["01", "1", "02"])).classes).toEqual(["1", "2"]);
  });

  test("are said to be lost where they are to be predicted as numbers", () => {
    expect(texts(readCsv("f.csv", label(codes), { task: "regression" })).join()).toContain(
      'to be predicted and loses leading zeros: "01234" is the number 1234; where it names classes, say --task classification',
    );
  });
});

describe("a text among numbers", () => {
  const numbers = Array.from({ length: 9 }, (_, i) => `${i}.5`);

  test.each(["n.a.", "-", "unknown"])("%s makes classes of a label, which is said with its line", async (stray) => {
    const file = label([...numbers.slice(0, 4), stray, ...numbers.slice(4)]);
    const way = `${JSON.stringify(stray)} in line 6 is none; where it stands for a missing value, say so: --missing-values ${JSON.stringify(stray)} (missingValues), or leave the field empty`;
    const notice = `column "y" is to be predicted and holds classes, though most are numbers: ${way}`;
    expect(texts(readCsv("f.csv", file))).toEqual([notice]);
    const data = put("stray.csv", file);
    await expect(summary(net(1, 1, "mse"), data)).rejects.toThrow(`the model's loss mse predicts numbers; ${notice}`);
    await expect(summary(net(1, 2, "crossEntropy"), data)).rejects.toThrow(`has 2 outputs; ${notice}`);
    const flags = ["--missing-values", stray, "--missing", "drop"];
    expect((await summary(net(1, 1, "mse"), data, ...flags)).line).toContain("regression");
  });

  test("is refused by line in a feature, and named in one of numbers in another notation", () => {
    expect(() => readCsv("f.csv", feature([...numbers, "unknown"]))).toThrow(
      'f.csv, line 11, column "a": "unknown" is not a number that f32 can hold; where it stands for a missing value, say so',
    );
    const thousands = ["1,200", "2,400", "1,200", "3,500", "-"];
    expect(texts(readCsv("f.csv", feature(thousands)))).toEqual([
      'column "a" holds categories, though most are numbers: "-" in line 6 is none; where it stands for a missing value, say so: --missing-values "-" (missingValues), or leave the field empty',
    ]);
  });

  test("is no mistake where many are texts", () => {
    expect(texts(readCsv("f.csv", label(["1", "2", "3", "A", "A", "1"])))).toEqual([]);
  });
});

describe("numbers in the notation of another hand", () => {
  test.each([
    ["typographic minus", ["\u22123.5", "4", "\u22121"], "\u22123.5", "-3.5"],
    ["dash", ["\u20133", "\u20131", "\u20133"], "\u20133", "-3"],
    ["accounts", ["(1,200.50)", "(3)", "(1,200.50)"], "(1,200.50)", "-1200.5"],
    ["accounts with a currency", ["($12)", "$3", "($12)"], "($12)", "-12"],
    ["minus behind", ["12-", "7-", "12-"], "12-", "-12"],
    ["wide digits", ["\uff11\uff12", "\uff17", "\uff17"], "\uff11\uff12", "12"],
    ["digits of Arabic", ["\u0661\u0662", "\u0663", "\u0663"], "\u0661\u0662", "12"],
    ["single quotes", ["'12'", "'7'", "'7'"], "'12'", "12"],
  ])("is said: %s", (_, fields, shown, plain) => {
    const way = `${JSON.stringify(shown)} is a number once it is written ${plain}`;
    expect(texts(readCsv("f.csv", label(fields))).join()).toContain(`holds classes: ${way}`);
    const read = () => texts(readCsv("f.csv", feature(fields))).join();
    // A plain number among them makes the others mistakes, each with its line.
    if (fields.some((field) => /^\d+$/.test(field))) expect(read).toThrow(`it is one once it is written ${plain}`);
    else expect(read()).toContain(`holds categories: ${way}`);
  });

  test.each([["EUR 5"], ["\u00a35"], ["-$5"], ["5 kg"]])("is one with its signs off: %s", (field) => {
    const notices = texts(readCsv("f.csv", label([field, field.replace("5", "6"), "7"])));
    expect(notices.join()).toContain(`${JSON.stringify(field)} is a number once the signs around it are taken off`);
  });

  test("a name of a column is none above plain numbers: 10km, 5 %", () => {
    expect(readCsv("f.csv", lines("5km,10km,y", "1,2,u", "3,4,v")).features).toEqual(["5km", "10km"]);
    expect(() => readCsv("f.csv", lines("5km,10km,u", "1km,2km,u", "3km,4km,v"))).toThrow('"5km" is a number');
  });
});

describe("whole numbers that f64 does not hold", () => {
  const ids = Array.from({ length: 6 }, (_, i) => `${9007199254740993n + BigInt((i * 7) % 6)}`);
  const way = "loses digits: 9007199254740993 is read as 9007199254740992";

  test("are named, in features and in labels", () => {
    expect(texts(readCsv("f.csv", feature(ids)))).toEqual([
      `column "a" ${way}; where it is an identifier, leave it out, else take the same number off each in the file`,
    ]);
    expect(texts(readCsv("f.csv", label(ids), { task: "regression" }))[0]).toBe(
      `column "y" is to be predicted and ${way}; take the same number off each in the file`,
    );
    expect(texts(readCsv("f.csv", feature(["9007199254740992", "3", "100000000000000000000"])))).toEqual([]);
  });

  test("and in Parquet: nanoseconds, with the row; codes, too; bytes are refused by their column", async () => {
    const column = (name: string, type: "INT64" | "STRING" | "BYTE_ARRAY", data: unknown[]) => ({ name, type, data });
    const file = (...columnData: ReturnType<typeof column>[]) =>
      loadDataFile("f.parquet", new Uint8Array(parquetWriteBuffer({ columnData: columnData as never })));
    const y = column("y", "INT64", [0n, 1n, 0n]);
    const ns = column("ns", "INT64", [1700000000000000001n, 1700000000000000011n, 1700000000000000007n]);
    const told = texts(await file(ns, column("zip", "STRING", ["01234", "90210", "00501"]), y));
    expect(told[0]).toContain('"ns" loses digits: 1700000000000000001 is read as 1700000000000000000');
    expect(told[1]).toContain('"zip" loses leading zeros');
    const bytes = column(
      "picture",
      "BYTE_ARRAY",
      [255, 254, 253].map((b) => Uint8Array.of(b, 0xc3, 0x28)),
    );
    await expect(file(bytes, y)).rejects.toThrow(
      'f.parquet: column "picture" holds bytes that are neither number nor text; leave it out of the file',
    );
  });
});

describe("labels of several columns", () => {
  test("may be true and false, or yes and no", () => {
    const table = lines("a,p,q", "1,True,no", "2,False,yes", "4,TRUE,no");
    const data = readCsv("f.csv", table, { label: ["p", "q"] });
    expect(data.table!.task).toBe("multilabel");
    expect([...data.y.data]).toEqual([1, 0, 0, 1, 1, 0]);
    const one = readCsv("f.csv", lines("a,p", "1,true", "2,false"), { task: "multilabel" });
    expect([...one.y.data]).toEqual([1, 0]);
    expect(() => readCsv("f.csv", lines("a,p,q", "1,True,7", "2,False,8"), { label: ["p", "q"] })).toThrow(
      'column "p": "True" is not a number that f32 can hold; write 1 and 0',
    );
  });

  test("of which each row has one are classes that another loss wants as one column", async () => {
    const data = put("hot.csv", lines("a,p,q,r", "1,1,0,0", "2,0,0,1", "3,0,1,0"));
    await expect(summary(net(1, 3, "crossEntropy"), data, "--label", "p,q,r")).rejects.toThrow(
      "crossEntropy predicts one class; each row has one 1 (one-hot): write the number, or the name, of its column into one column instead (argmax)",
    );
  });
});

it("a lone class 1 is no 0, whoever reads it", () => {
  const { y, classes } = readCsv("f.csv", label(["1", "1", "1"]));
  expect([[...y.data], classes]).toEqual([
    [1, 1, 1],
    ["0", "1"],
  ]);
});

it("a flag takes names that hold commas in double quotes, and an unknown one says so", async () => {
  const data = put("commas.csv", lines('"size, cm",c,"say ""y"""', "1,5,0.5", "2,3,1.5"));
  const of = (...flags: string[]) => planned(net(2, 1, "mse"), data, ...flags);
  const { summary: found } = await of("--features", '"size, cm", c', "--label", '"say ""y"""');
  expect([found.numbers, found.label]).toEqual([["size, cm", "c"], ['say "y"']]);
  await expect(of("--features", "size, cm,c")).rejects.toThrow(
    `no column "size"; the header has size, cm, c, say "y"; a flag takes a name with a comma in double quotes: '"size, cm"'`,
  );
});

it.each<[CsvOptions, string]>([
  [{}, "label"],
  [{ task: "classification" }, "with the task said"],
])("zeros alone before a point are no codes (%j, %s)", (options) => {
  expect(texts(readCsv("f.csv", feature(["0.5", "00.5", "1.5"]), options))).toEqual([]);
});
