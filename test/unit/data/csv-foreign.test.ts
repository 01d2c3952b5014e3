import { describe, expect, it } from "vitest";
import { readCsv } from "../../../src/data/csv.ts";
import { noticeText } from "../../../src/data/table-notice.ts";

const notices = (text: string): string[] => readCsv("t.csv", text).table!.notices.map(noticeText);
const rows = (header: string, ...column: string[]): string =>
  `${header}\n${[...column, ...column].map((value, i) => `${value},${i + 2},${i / 4 + 0.5}`).join("\n")}\n`;

describe("what is named as a table and is none", () => {
  it.each([
    ["<!DOCTYPE html>\n<html><body>Not found</body></html>\n", "but a web page (HTML)"],
    ['<?xml version="1.0"?>\n<rows/>\n', "but XML"],
    ['[{"a":1,"y":2}]\n', "but JSON"],
    ['{"a":1,"y":2}\n{"a":2,"y":3}\n', "but JSON"],
    ["% made by Weka\n@RELATION t\n@attribute a numeric\n", "but ARFF of Weka"],
    ["1 1:0.5 2:0.25\n-1 2:0.9\n", "but rows of LIBSVM"],
    ["version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "but a pointer of Git LFS"],
  ])("is told by how it begins: %j", (text, message) => {
    expect(() => readCsv("t.csv", text)).toThrow(`t.csv: no table of text, ${message}`);
  });

  it("is told by its first bytes", () => {
    expect(() => readCsv("book.csv", Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0, 0))).toThrow("a workbook of Excel's");
    expect(() => readCsv("book.csv", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0))).toThrow("as workbooks of Excel's are");
  });

  it("is not told of tables that begin likewise", () => {
    expect(readCsv("t.csv", "[a,{b\n1,2\n3,4\n").features).toEqual(["[a"]);
    expect(readCsv("t.csv", "htmlpages,y\n1,2\n3,4\n").features).toEqual(["htmlpages"]);
  });
});

describe("what differs from other tables", () => {
  it("takes any separator that the first line says, in quotes or not", () => {
    for (const said of ["sep=|", '"sep=|"', "SEP=|"]) {
      expect(readCsv("t.csv", `${said}\na|b\n1|2\n3|5\n`)).toMatchObject({
        features: ["a"],
        x: { data: Float64Array.of(1, 3) },
      });
    }
  });

  it("says what makes lines wider than the first", () => {
    expect(() => readCsv("t.csv", "made by a tool\na,b,y\n1,2,3\n")).toThrow("is no header but a title, take it off");
    expect(() => readCsv("t.csv", "# by, a tool\na,b,y\n1,2,3\n")).toThrow("if line 1 is a comment, take it off");
    expect(() => readCsv("t.csv", "a,b,y\n1,2,3\n# half\n")).toThrow(
      "line 3: 1 field where the header has 3; a comment",
    );
    const twice = 'line 2, column "#p": "a" is not a number that f32 can hold; where line 2 names the columns';
    expect(() => readCsv("t.csv", "#p,q,r\na,b,c\n1,2,3\n4,5,6\n")).toThrow(twice);
    expect(() => readCsv("t.csv", "p,q,y\nm,kg,s\n1,2,3\n4,5,6\n")).toThrow("names their units, itself");
    expect(() => readCsv("t.csv", "a,y\nm,1,2\nn,3,4\n")).toThrow("is its name, as R writes, name that column");
    expect(() => readCsv("t.csv", "a,b,y\n1,2,3\n4\n")).toThrow("line 3: 1 field where the header has 3");
    expect(() => readCsv("t.csv", "a,y\n0x1F,2\n1,3\n")).toThrow(
      '"0x1F" is not a number that f32 can hold; write it as 31',
    );
    expect(() => readCsv("t.csv", "a,y\ninf,2\n1,3\n")).toThrow("leave the field empty where there is no number");
  });

  it("takes rows that end in a separator, where the first line does not", () => {
    const data = readCsv("t.csv", "a,b,y\n1,2,3.5,\n4,5,6.5,\n");
    expect([data.features, [...data.x.data], [...data.y.data]]).toEqual([
      ["a", "b"],
      [1, 2, 4, 5],
      [3.5, 6.5],
    ]);
    expect(data.table!.ignored).toEqual([4]);
    expect(() => readCsv("t.csv", "a,b,y\n1,2,3.5,\n4,5,6.5,7\n")).toThrow("line 2: 4 fields where the header has 3");
  });

  it("says of a column that holds nothing at all that it is to be left out", () => {
    expect(() => readCsv("t.csv", "a,b,y\n1,NA,u\n2,NA,v\n")).toThrow("leave the column out");
    expect(() => readCsv("t.csv", "a,b,y\n1,NA,u\n2,3,v\n")).toThrow("--missing drop leaves such rows out");
  });

  it("names texts that are one but for case, spaces or accents, and leaves them apart", () => {
    expect(notices(rows("kind,a,y", "red", "Red", "blue"))).toContain(
      'column "kind" holds "red" and "Red" as two categories: write them alike where they mean one',
    );
    expect(notices("a,y\n1,yes\n3,no\n2,YES\n4,no\n5,yes\n6,no\n")[0]).toContain('"yes" and "YES" as two classes');
    expect(notices(rows("kind,a,y", "caf\u00e9", "cafe\u0301", "x")).length).toBe(1);
    expect(notices(rows("kind,a,y", "red", "redder", "blue"))).toEqual([]);
  });

  it("names dates with months in letters, exponents of Fortran's and amounts in several units", () => {
    for (const date of ["Jan 5, 2024", "5-Jan-24", "5 January 2024", "Sept-24"]) {
      expect(notices(rows("d,a,y", `"${date}"`, `"${date.replace("24", "25")}"`))[0], date).toContain(
        "looks like a date",
      );
    }
    expect(notices(rows("v,a,y", "1.0D+03", "2.5d-01"))[0]).toContain('"1.0D+03" is a number once it is written 1000');
    expect(notices(rows("v,a,y", "1.5k", "2M", "3k"))[0]).toContain("once all are brought to one unit");
    expect(notices(rows("v,a,y", "$10", "\u20ac20"))[0]).toContain("once all are brought to one unit");
    expect(notices(rows("place,a,y", "1st", "2nd", "3rd"))).toEqual([]);
  });

  it("says where a point between semicolons may stand between thousands", () => {
    const point =
      'column "a" is read with a point before decimals, "1.234" as 1.234: where it stands between thousands';
    expect(notices("a;b;y\n1.234;2;5\n950;4;6\n12.500;7;8\n")[0]).toContain(point);
    expect(notices("a;b;y\n1.234;2;5\n0.950;4;6\n12.5;7;8\n")).toEqual([]);
    expect(notices("a,b,y\n1.234,2,5\n950,4,6\n")).toEqual([]);
  });
});
