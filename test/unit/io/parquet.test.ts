import { readFileSync } from "node:fs";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { prepareTable, preprocessingOf } from "../../../src/data/preprocessing.ts";
import { standardise } from "../../../src/data/standardise.ts";
import { loadDataFile } from "../../../src/io/dataset/load.ts";
import { readParquet } from "../../../src/io/parquet/read.ts";
import { parquetTable } from "../../../src/io/parquet/table.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/parquet/${name}.parquet`, import.meta.url)));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];
const written = (columnData: Columns, more: object = {}): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...more }));

describe("a Parquet file", () => {
  it.each(["plain", "snappy", "zstd", "gzip", "v2"])("of Apache Arrow's writer gives every digit: %s", async (name) => {
    const { columns, fields, rows } = await readParquet(name, file(name));
    expect(rows).toBe(40);
    const at = (column: string): readonly string[] => fields[columns.indexOf(column)]!;
    const each = (of: (i: number) => unknown): string[] => range(40).map((i) => String(of(i)));
    const present = (of: (i: number) => unknown): string[] => each((i) => (i % 7 === 3 ? "" : of(i)));
    expect(at("f64")).toEqual(each((i) => i / 10 + 0.1));
    expect(at("f32")).toEqual(each((i) => i / 4));
    expect(at("i64")).toEqual(each((i) => 1_700_000_000_000 + i));
    expect(at("i32")).toEqual(each((i) => 0 - i));
    expect(at("u8")).toEqual(each((i) => 200 + i));
    expect(at("nullable")).toEqual(present((i) => i + 0.5));
    expect(at("bool")).toEqual(each((i) => (i % 3 === 0 ? 1 : 0)));
    expect(at("text")).toEqual(each((i) => ["red", "green", 'blue, "dark"'][i % 3]));
    expect(at("word")).toEqual(present((i) => `w${i % 5}`));
    expect(at("category")).toEqual(each((i) => ["a", "b"][i % 2]));
    expect(at("day")).toEqual(each((i) => new Date(Date.UTC(2024, 0, 1 + i)).toISOString().slice(0, 10)));
    expect(at("time").slice(0, 4)).toEqual([
      "2024-01-01",
      "2024-01-01 00:00:01.5",
      "2024-01-01 00:00:03",
      "2024-01-01 00:00:04.5",
    ]);
  });

  it("of another writer: groups of rows, dictionaries, big integers, decimals, times of all units", async () => {
    const columns: Columns = [
      { name: "big", data: range(1000).map((i) => 9_007_199_254_740_993n + BigInt(i)), type: "INT64" },
      { name: "few", data: range(1000).map((i) => ["x", "y", "z"][i % 3]!), type: "STRING" },
      { name: "none", data: range(1000).map(() => null), type: "DOUBLE" },
      { name: "ms", data: range(1000).map((i) => new Date(1000 * i + 7)), type: "TIMESTAMP" },
    ];
    for (const more of [{}, { rowGroupSize: 300 }, { codec: "UNCOMPRESSED" }]) {
      const { columns: names, fields } = await readParquet("w", written(columns, more));
      expect(names).toEqual(["big", "few", "none", "ms"]);
      expect(fields.map((f) => f.length)).toEqual([1000, 1000, 1000, 1000]);
      expect([fields[0]![0], fields[0]![999]]).toEqual(["9007199254740993", "9007199254741992"]);
      expect(fields[1]!.slice(0, 4)).toEqual(["x", "y", "z", "x"]);
      expect(new Set(fields[2])).toEqual(new Set([""]));
      expect(fields[3]![1]).toBe("1970-01-01 00:00:01.007");
    }
  });

  it.each<[string, Uint8Array, string]>([
    ["lists", file("nested"), 'f: column "x" is nested (a list, a map or a struct)'],
    [
      "a codec that is not read",
      file("brotli"),
      'column "f64" is compressed by BROTLI; known are uncompressed, snappy',
    ],
    ["nothing in it", new Uint8Array(), "f: not a Parquet file that can be read: it does not begin and end with PAR1"],
    ["half of it gone", file("plain").slice(0, 3000), "it does not begin and end with PAR1"],
    [
      "encryption",
      Uint8Array.from([...file("plain").slice(0, -4), 0x50, 0x41, 0x52, 0x45]),
      "an encrypted Parquet file",
    ],
  ])("with %s is refused", async (_, bytes, message) => {
    await expect(readParquet("f", bytes)).rejects.toThrow(message);
  });

  it("that claims millions of rows in a few bytes is refused before they are made", async () => {
    const nothing = (n: number): Uint8Array => written([{ name: "c", data: new Array(n).fill(null), type: "DOUBLE" }]);
    await expect(readParquet("f", nothing(60_000))).resolves.toMatchObject({ rows: 60_000 });
    expect(nothing(250_000).length).toBeLessThan(1000);
    await expect(readParquet("f", nothing(250_000))).rejects.toThrow("250000 rows of 1 columns, more than the");
  });
});

describe("a Parquet file as a table", () => {
  const days = [20240101, 20240102, 20240103, 20240104, 20240105, 20240106, 20240107, 20240108];
  const table = written([
    { name: "day", data: days, type: "INT32" },
    { name: "colour", data: ["red", "blue", null, "red", "blue", "red", "blue", "red"], type: "STRING" },
    { name: "on", data: days.map((_, i) => i % 2 === 0), type: "BOOLEAN" },
    { name: "__index_level_0__", data: days.map((_, i) => BigInt(i)), type: "INT64" },
    { name: "y", data: days.map((_, i) => i / 2), type: "DOUBLE" },
  ]);

  it("is read as a CSV file of the same values is", async () => {
    const data = await loadDataFile("d.parquet", table, { missing: "drop" });
    expect(data).toMatchObject({
      features: ["day", "colour=blue", "colour=red", "on"],
      targets: ["y"],
      table: { task: "regression", ignored: ["__index_level_0__"], dropped: { rows: 1 } },
    });
    expect([...data.x.data.slice(0, 8)]).toEqual([20240101, 0, 1, 1, 20240102, 1, 0, 0]);
    await expect(loadDataFile("d.parquet", table)).rejects.toThrow(
      'd.parquet, row 3, column "colour": a value is missing',
    );
    await expect(loadDataFile("d.parquet", table, { label: "z" })).rejects.toThrow('no column "z"');
    await expect(loadDataFile("d", table, { decimal: "," })).rejects.toThrow(
      'd: "decimal" is for text; a Parquet file',
    );
    const last = written([
      { name: "a", data: [1, 2], type: "INT32" },
      { name: "b", data: [0.5, 1.5], type: "DOUBLE" },
      { name: "__index_level_0__", data: [7n, 9n], type: "INT64" },
    ]);
    expect(await loadDataFile("d", last)).toMatchObject({ features: ["a"], targets: ["b"] });
    const classes = await loadDataFile("d", table, { label: "colour", features: ["day"], missing: "drop" });
    expect(classes).toMatchObject({ classes: ["blue", "red"], y: { dtype: "i32" } });
  });

  it("keeps its digits until they are scaled, and new rows are prepared alike", async () => {
    const all = await loadDataFile("d.parquet", table, { features: ["day"] });
    const { train } = standardise({ train: all, test: null });
    const z = [-1.5275, -1.0911, -0.6547, -0.2182, 0.2182, 0.6547, 1.0911, 1.5275];
    expect(Array.from(train.x.data, (v) => Math.round(v * 1e4) / 1e4)).toEqual(z);
    const record = preprocessingOf(train);
    const later = await parquetTable("new.parquet", written([{ name: "day", data: [20240109], type: "INT32" }]));
    const { x, lines, unit } = prepareTable("new.parquet", later, record, "refuse");
    expect([Math.round(x.data[0]! * 1e4) / 1e4, lines, unit]).toEqual([1.964, [1], "row"]);
    const other = await parquetTable("new.parquet", written([{ name: "month", data: [1], type: "INT32" }]));
    expect(() => prepareTable("new.parquet", other, record, "refuse")).toThrow(
      'no column "day", which the net learned',
    );
  });

  it("of Arrow's writer, dates and all, becomes columns", async () => {
    const features = ["f64", "i64", "bool", "text", "category"];
    const data = await loadDataFile("any.name", file("zstd"), { features, label: "i32" });
    expect(data.x.shape).toEqual([40, 8]);
    expect([...data.x.data.slice(0, 3)]).toEqual([0.1, 1_700_000_000_000, 1]);
  });
});
