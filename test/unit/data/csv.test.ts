import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCsv } from "../../../src/data/csv.ts";
import { csvRecords } from "../../../src/data/csv-records.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

describe("csvRecords", () => {
  it("follows RFC 4180: quotes, doubled quotes, commas and line ends inside quotes", () => {
    const records = csvRecords("f", 'a,"b,""c""\r\nd",\r\n"",x,y');
    expect(records).toEqual([
      { line: 1, fields: ["a", 'b,"c"\r\nd', ""] },
      { line: 3, fields: ["", "x", "y"] },
    ]);
  });

  it("takes LF, CRLF and CR, skips blank lines, and keeps a last empty field", () => {
    expect(csvRecords("f", "a,b\n\nc,d\r\ne,f\rg,")).toEqual([
      { line: 1, fields: ["a", "b"] },
      { line: 3, fields: ["c", "d"] },
      { line: 4, fields: ["e", "f"] },
      { line: 5, fields: ["g", ""] },
    ]);
  });

  it("names the line of a misplaced quote", () => {
    expect(() => csvRecords("f.csv", 'a,b\n1,"2\n3')).toThrow(
      "f.csv, line 2: a double quote is opened and never closed",
    );
    expect(() => csvRecords("f.csv", 'a,b\n1,"2"3')).toThrow("f.csv, line 2: text follows a closing double quote");
    expect(() => csvRecords("f.csv", 'a,b\n1,5" pipe')).toThrow("f.csv, line 2: a double quote inside a field");
  });

  it("gives back what was written", () => {
    const table = fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(table, (rows) => {
        const text = rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")).join("\r\n");
        expect(csvRecords("f", text).map((record) => record.fields)).toEqual(rows);
      }),
    );
  });
});

describe("readCsv", () => {
  it("makes f64 features and sorted classes, with the label column found by name", () => {
    const data = readCsv("f", utf8("\uFEFFa,Species,b\r\n1,pine,2\r\n3,oak,-4e-1\r\n"));
    expect(data.x).toEqual({ shape: [2, 2], dtype: "f64", data: Float64Array.of(1, 2, 3, -0.4) });
    expect(data.y).toEqual({ shape: [2], dtype: "i32", data: Int32Array.of(1, 0) });
    expect(data).toMatchObject({ classes: ["oak", "pine"], features: ["a", "b"], targets: ["Species"] });
  });

  it("takes the last of several label names, else the last column", () => {
    expect(readCsv("f", "y,a,class,b\n1,2,3,4").targets).toEqual(["class"]);
    expect(readCsv("f", "a,b,kind\n1,2,u").targets).toEqual(["kind"]);
  });

  it("sorts numeric classes as numbers and counts 1 and 01 as one", () => {
    const data = readCsv("f", "a,label\n0,10\n0,9\n0,01\n0,1\n");
    expect(data.classes).toEqual(["1", "9", "10"]);
    expect([...data.y.data]).toEqual([2, 1, 0, 0]);
  });

  it("takes numeric targets, one or several, when asked for a regression", () => {
    const one = readCsv("f", "a,b,price\n1,2,3.5", { task: "regression" });
    expect(one.y).toEqual({ shape: [1, 1], dtype: "f32", data: Float32Array.of(3.5) });
    const two = readCsv("f", "a,b,price\n1,2,3.5", { task: "regression", label: ["price", "a"] });
    expect(two.y).toEqual({ shape: [1, 2], dtype: "f32", data: Float32Array.of(3.5, 1) });
    expect(two.features).toEqual(["b"]);
  });

  it("takes the features asked for, in that order", () => {
    const data = readCsv("f", "a,b,c,y\n1,2,x,0", { features: ["b", "a"] });
    expect([...data.x.data]).toEqual([2, 1]);
  });

  it("drops rows with missing values only when asked, and says how many", () => {
    const text = "a,y\n1,u\n,u\nNA,v\n2,v\n";
    const data = readCsv("f", text, { missing: "drop" });
    expect([...data.x.data]).toEqual([1, 2]);
    expect(data.preparation).toBe("2 of 4 rows dropped for missing values");
    expect(() => readCsv("f.csv", text)).toThrow('f.csv, line 3, column "a": a value is missing');
    expect(() => readCsv("f.csv", "a,y\n,u", { missing: "drop" })).toThrow("every row has a missing value");
  });

  it.each([
    ["", "f.csv: the file is empty"],
    ["\n\n", "f.csv: the file is empty"],
    ["a,y\n", "f.csv: a header and no rows"],
    ["a\n1\n", "f.csv, line 1: one column"],
    ["a,b,a\n1,2,3", 'f.csv, line 1: two columns are named "a"'],
    ["a,,y\n1,2,3", "f.csv, line 1: column 2 has no name"],
    ["1,2,3\n4,5,6", "f.csv, line 1: the first line does not name the columns"],
    ["a,b,y\n1,2,3\n1,2\n", "f.csv, line 3: 2 fields where the header has 3"],
    ["a,b,y\n1,2,3\n1,2,3,4\n", "f.csv, line 3: 4 fields where the header has 3"],
    ["a,b,y\n\n1,red,3\n1,2,3\n", 'f.csv, line 3, column "b": "red" is not a number'],
    ["a,b,y\n1,0x10,3\n", 'column "b": "0x10" is not a number'],
    ["a,b,y\n1,Infinity,3\n", 'column "b": "Infinity" is not a number'],
    ["a,b,y\n1,1e39,3\n", 'column "b": "1e39" is not a number that f32 can hold'],
    ['a,"b\nc",y\n1,"2","3"\n1,2,\n', 'f.csv, line 4, column "y": the label is missing'],
  ])("refuses %j", (text, message) => {
    expect(() => readCsv("f.csv", text)).toThrow(message);
  });

  it("refuses columns that are not there, twice asked for, or too many", () => {
    const text = "a,b,y\n1,2,3";
    expect(() => readCsv("f", text, { label: "z" })).toThrow('f: no column "z"; the header has a, b, y');
    expect(() => readCsv("f", text, { features: ["a", "y"] })).toThrow("twice, or as feature and label");
    expect(() => readCsv("f", text, { label: ["a", "y"], task: "classification" })).toThrow(
      "one label column makes classes",
    );
    expect(() => readCsv("f", text, { label: ["a", "b", "y"], task: "regression" })).toThrow("no column is left");
    expect(() => readCsv("f", text, { label: [] })).toThrow("no label column");
  });

  it("makes a column for each category of a column without numbers, or of one that is named", () => {
    const text = "kind,size,zip,y\noak,1,02,u\npine,2,10,v\noak,3,2.0,u\n";
    const data = readCsv("f", text, { categorical: ["zip"] });
    expect(data.features).toEqual(["kind=oak", "kind=pine", "size", "zip=2", "zip=10"]);
    expect([...data.x.data]).toEqual([1, 0, 1, 1, 0, 0, 1, 2, 0, 1, 1, 0, 3, 1, 0]);
    expect(data.columns).toEqual([
      { name: "kind", categories: ["oak", "pine"] },
      { name: "size", categories: null },
      { name: "zip", categories: ["2", "10"] },
    ]);
    expect(() => readCsv("f", text, { categorical: ["y"] })).toThrow('"y" is to be categorical, and no feature');
  });

  it("refuses a text of its own in too many rows, and a missing category", () => {
    const rows = Array.from({ length: 257 }, (_, i) => `n${i},0`).join("\n");
    expect(() => readCsv("f", `name,y\n${rows}`)).toThrow('f, column "name": 257 different texts, more than the 256');
    expect(() => readCsv("f", "kind,y\noak,0\n,1")).toThrow('f, line 3, column "kind": a value is missing');
    expect(readCsv("f", "kind,y\noak,0\nNA,1\n", { missing: "drop" }).features).toEqual(["kind=oak"]);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => readCsv("f", Uint8Array.of(0x61, 0x2c, 0xff))).toThrow("f: not UTF-8 text");
  });

  it("reads a long run of digits in linear time", () => {
    expect(() => readCsv("f", `a,y\n0,0\n${"1".repeat(200_000)}x,0`)).toThrow("is not a number");
  });
});
