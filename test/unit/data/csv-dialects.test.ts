/** What a table may look like, kind by kind, long by its rows: each kind is a case or two of every other part of it. */

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type CsvOptions, readCsv } from "../../../src/data/csv.ts";
import { fieldReader } from "../../../src/data/csv-format.ts";
import { tellSeparator } from "../../../src/data/csv-separator.ts";
import { parsePreprocessing, prepareCsv, preprocessingOf, preprocessingText } from "../../../src/data/preprocessing.ts";
import { noticeText } from "../../../src/data/table-notice.ts";

const lines = (...rows: string[]): string => `${rows.join("\n")}\n`;
const x = (text: string, options: CsvOptions = {}) => [...readCsv("f.csv", text, options).x.data];
const notices = (text: string, options: CsvOptions = {}) =>
  readCsv("f.csv", text, options).table!.notices.map(noticeText);

describe("the separator is told by the file", () => {
  test.each<[string, string, readonly number[]]>([
    ["semicolons, quoted names", lines('"acid";"ph";"y"', "7.4;3.51;5", "7.8;3.2;6"), [7.4, 3.51, 7.8, 3.2]],
    ["tabs", lines("a\tb\ty", "1\t2\tu", "3\t4\tv"), [1, 2, 3, 4]],
    ["bars", lines("a|b, c|y", "1|2|u", "3|4|v"), [1, 2, 3, 4]],
    ["commas, where bars divide all lines alike", lines("a|b,y", "1,2", "3,4"), [1, 3]],
    ["commas in quotes between semicolons", lines("a;note;y", '1;"x, y, z";u', '2;"p, q";v'), [1, 0, 1, 2, 1, 0]],
    ["semicolons in quotes between commas", lines("a,note,y", '1,"x; y",u', '2,"p; q",v'), [1, 0, 1, 2, 1, 0]],
    ["Excel's own first line", lines("sep=;", "a;y", "1;u", "2;v"), [1, 2]],
    ["spaces around", lines("a , b , y", " 1 , 2 , u", "3,4,v"), [1, 2, 3, 4]],
    ["carriage returns alone", "a;b;y\r1;2;u\r3;4;v\r", [1, 2, 3, 4]],
    ["names with the other mark", lines("time,s;temp,C;y", "1;2.5;u", "2;3.5;v"), [1, 2.5, 2, 3.5]],
  ])("%s", (_, text, values) => {
    expect(x(text)).toEqual(values);
  });

  it("decimal commas between semicolons, which some rows have and some not", () => {
    const text = lines("a;b;y", "1,5;2,5;u", "2;3,5;v", "1,25;4;u");
    expect(x(text, { decimal: "," })).toEqual([1.5, 2.5, 2, 3.5, 1.25, 4]);
    expect(() => readCsv("f.csv", text)).toThrow('line 2, column "a": "1,5" is not a number that f32 can hold');
    expect(() => readCsv("f.csv", text)).toThrow('it is one with --decimal , (decimal: ",")');
  });

  it("and by every line: what was written with a separator is read with it", () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab1,;\t|" .\n'), maxLength: 5 });
    const table = fc.array(fc.array(field, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 6 });
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(table, fc.constantFrom(",", ";", "\t", "|"), (rows, separator) => {
        const text = [["p", "q", "r"], ...rows].map((row) => row.map(quote).join(separator)).join("\n");
        expect(tellSeparator(text, fieldReader()).separator).toBe(separator);
      }),
    );
  });

  it("unless it is said: where rows would tell another, too", () => {
    const text = lines("a,1|b,1|y", "1,2|3,4|u", "5,6|7,8|v");
    expect(x(text, { separator: "|", decimal: "," })).toEqual([1.2, 3.4, 5.6, 7.8]);
    expect(x(lines("sep=;", "a;b|y", "1|u", "2|v"), { separator: "|" })).toEqual([1, 2]);
    const kept = preprocessingText(preprocessingOf(readCsv("f", text, { separator: "|", decimal: "," })));
    const record = parsePreprocessing("f", JSON.parse(kept));
    expect([...prepareCsv("n", lines("a,1|b,1", "9,5|2,5"), record, "refuse").x.data]).toEqual([9.5, 2.5]);
    const wrong = JSON.parse(kept.replace('"|"', '"||"'));
    expect(() => parsePreprocessing("f", wrong)).toThrow('"fields" must say how a table is written');
  });

  it("names it where rows differ", () => {
    expect(() => readCsv("f.csv", lines("a;b;y", "1;2;u", "1;2"))).toThrow(
      "f.csv, line 3: 2 fields where the header has 3 (between semicolons)",
    );
    expect(() => readCsv("f.csv", lines("a:b:y", "1:2"), { separator: ":" })).toThrow('has 3 (between ":")');
    expect(() => readCsv("f.csv", lines("a|b|y", "1|2|3", "1|2"))).toThrow("has 3 (between bars)");
  });
});

describe("numbers in another notation are read where that is said", () => {
  test.each<[CsvOptions, readonly string[], readonly number[]]>([
    [{ thousands: "," }, ['"1,200"', "999", '"1,234,567.5"', '"-12,34,567"'], [1200, 999, 1234567.5, -1234567]],
    [{ decimal: "," }, ['"1,5"', "2", '",5"', '"1,5e3"'], [1.5, 2, 0.5, 1500]],
    [{ decimal: ",", thousands: "." }, ['"1.200,5"', "1.200", '"0,25"', "7"], [1200.5, 1200, 0.25, 7]],
    [{ thousands: " " }, ["1 200", "1\u00a0200", "1\u202f200.5", "5"], [1200, 1200, 1200.5, 5]],
    [{ thousands: "_" }, ["1_000", "2_000_000", "3", "4.5"], [1000, 2000000, 3, 4.5]],
    [{ thousands: "'" }, ["1'000", "2'000'000.25", "3", "4"], [1000, 2000000.25, 3, 4]],
  ])("%j", (options, fields, values) => {
    expect(x(lines("a,y", ...fields.map((field, i) => `${field},${"uv"[i % 2]}`)), options)).toEqual(values);
  });

  it("and kept for new rows", () => {
    const text = lines("price,area,y", '"1,200",50,p', '"2,450",60,q', '"1,999",55,p');
    const learned = preprocessingOf(readCsv("f", text, { thousands: "," }));
    const kept = parsePreprocessing("f", JSON.parse(preprocessingText(learned)));
    expect(kept.fields).toEqual({ thousands: "," });
    expect([...prepareCsv("n", lines("price,area", '"1,250",50'), kept, "refuse").x.data]).toEqual([1250, 50]);
    expect([
      ...prepareCsv("n", lines("area;price", "50;1.250"), kept, "refuse", { thousands: ".", decimal: "," }).x.data,
    ]).toEqual([1250, 50]);
  });

  test.each<[CsvOptions, string]>([
    [{ decimal: ",", thousands: "," }, '"," cannot be the mark of decimals and of thousands'],
    [{ thousands: "." }, '"." cannot be the mark of decimals and of thousands'],
    [{ decimal: ";" as "," }, 'decimal is "." or ","'],
    [{ thousands: "x" as "," }, "thousands is one of"],
    [{ separator: "\n" }, "separator is one character"],
    [{ separator: "ab" }, "separator is one character"],
    [{ separator: 1 as unknown as string }, "separator is one character"],
  ])("%j is refused", (options, message) => {
    expect(() => readCsv("f", "a,y\n1,u\n", options)).toThrow(message);
  });

  test.each([
    ["1,200", ["1,200", "2,450"], 'with --thousands , (thousands: ",")'],
    ["1,5", ["1,5", "2,4"], 'with --decimal , (decimal: ",")'],
    ["1.200,5", ["1.200,5", "2.400,25"], 'with --decimal , --thousands . (decimal: ",", thousands: ".")'],
    ["1 200", ["1 200", "2 400"], 'with --thousands " " (thousands: " ")'],
    ["1_000", ["1_000", "2_000"], 'with --thousands _ (thousands: "_")'],
    ["1'000", ["1'000", "2'000"], "with --thousands ' (thousands: \"'\")"],
    ["$1,200.50", ["$1,200.50", "$3"], "once the signs around it are taken off"],
    ["12 %", ["12 %", "7.5 %"], "once the signs around it are taken off"],
    ["3.5kg", ["3.5kg", "12kg"], "once the signs around it are taken off"],
  ])("else a column of %s is named with one of its values and what reads it", (_, [one, other], way) => {
    const rows = [one, other, one, other].map((field, i) => `"${field}",${i % 3},${"uv"[i % 2]}`);
    const [notice, ...more] = notices(lines("a,b,y", ...rows));
    expect(notice).toBe(`column "a" holds categories: ${JSON.stringify(one)} is a number ${way}`);
    expect(more).toEqual([]);
    const labelled = rows.map((row) => row.replace(/(.*),(.*),(.*)/, "$2,$1"));
    expect(notices(lines("b,y", ...labelled)).join()).toBe(
      `column "y" is to be predicted and holds classes: ${JSON.stringify(one)} is a number ${way}`,
    );
  });
});

describe("a first line without a name in it is refused, and read as a row where that is said", () => {
  test.each([
    [
      "numbers and a label that comes again",
      lines("4.10,2.50,alpha", "4.41,2.72,beta", "4.13,2.56,alpha"),
      '"4.10" is a number, "alpha" is again in line 3',
    ],
    [
      "numbers and a label of its own",
      lines("4.10,2.50,alpha", "4.41,2.72,beta", "4.13,2.56,gamma"),
      '"4.10" is a number',
    ],
    ["whole numbers that do not count up", lines("175,2,alpha", "160,3,beta", "150,4,gamma"), '"175" is a number'],
    ["numbers alone", lines("1,2,3", "4,5,6"), '"1" is a number'],
    [
      "texts that all come again",
      lines("sunny,hot,no", "rain,mild,yes", "sunny,mild,no", "rain,hot,yes"),
      '"sunny" is again in line 3',
    ],
    ["a date and a label", lines("2024-01-01,5,odd", "2024-01-02,6,even", "2024-01-03,6,odd"), '"5" is a number'],
    ["decimal commas", lines("4,10;2,50;alpha", "4,41;2,72;beta", "4,13;2,56;alpha"), '"4,10" is a number'],
  ])("%s", (_, text, why) => {
    const message = `f.csv, line 1: the first line does not name the columns: ${why}`;
    expect(() => readCsv("f.csv", text)).toThrow(message);
    expect(() => readCsv("f.csv", text)).toThrow("--no-header (header: false)");
    const data = readCsv("f.csv", text, { header: false, decimal: text.includes(";") ? "," : "." });
    expect(data.x.shape[0]).toBe(text.trim().split("\n").length);
    expect(data.table!.names).toEqual(["c1", "c2", "c3"]);
    expect(data.targets).toEqual(["c3"]);
    expect(
      readCsv("f.csv", text, { header: true, task: "classification", decimal: text.includes(";") ? "," : "." }).table!
        .names[2],
    ).toBe(text.split("\n")[0]!.split(/[,;]/).at(-1));
  });

  test.each([
    ["years", lines("country,2019,2020,y", "a,1,2,u", "b,3,4,v")],
    ["positions", lines("0,1,2,y", "5,6,7,u", "1,2,3,v")],
    ["a name that is also a value", lines("kind,size,y", "size,1,u", "kind,2,v", "size,3,u")],
  ])("names stay names: %s", (_, text) => {
    expect(readCsv("f.csv", text).targets).toEqual(["y"]);
  });

  it("new rows without names are taken in the order of those that were learned from", () => {
    const text = lines("4.1,2.5,u", "4.4,2.7,v", "4.7,2.9,u");
    const learned = preprocessingOf(readCsv("f", text, { header: false, label: "c3" }));
    expect(learned.fields).toEqual({ header: false });
    expect([...prepareCsv("n", "1,2\n3,4\n", learned, "refuse").x.data]).toEqual([1, 2, 3, 4]);
    const first = preprocessingOf(
      readCsv("f", text.replace(/(.*),(.*),(.*)/g, "$3,$1,$2"), { header: false, label: "c1" }),
    );
    expect([...prepareCsv("n", "1,2\n", first, "refuse").x.data]).toEqual([1, 2]);
    expect([...prepareCsv("n", "u,1,2\n", first, "refuse").x.data]).toEqual([1, 2]);
  });
});

describe("a column that numbers the rows", () => {
  it("has no name, or pandas's name for that, and is left out", () => {
    for (const name of ["", '""', "Unnamed: 0"]) {
      const data = readCsv("f", lines(`${name},a,b,y`, "0,1.0,2.0,p", "1,2.0,3.0,q", "2,1.5,2.5,p"));
      expect(data.features).toEqual(["a", "b"]);
      expect(data.table!.ignored).toEqual([name.startsWith("U") ? "Unnamed: 0" : 1]);
    }
    const asked = readCsv("f", lines("Unnamed: 0,a,y", "0,1,p", "1,2,q"), { features: ["Unnamed: 0"] });
    expect(asked.features).toEqual(["Unnamed: 0"]);
    expect(asked.table!.ignored).toEqual([]);
  });

  it("may hold the names of rows, as R writes them; a last column of nothing is left out too", () => {
    const data = readCsv("f", lines('"","mpg","am",', '"Mazda RX4",21,1,', '"Datsun",22.8,0,'));
    expect(data.features).toEqual(["mpg"]);
    expect(data.table!.ignored).toEqual([1, 4]);
    expect(() => readCsv("f", lines("a,,y", "1,2,p"))).toThrow("f, line 1: column 2 has no name");
  });

  it("is ignored in new rows", () => {
    const learned = preprocessingOf(readCsv("f", lines(",a,y", "0,1,p", "1,2,q")));
    expect([...prepareCsv("n", lines(",a", "0,7", "1,8"), learned, "refuse").x.data]).toEqual([7, 8]);
  });

  it("under a name of its own is a feature, and that is said", () => {
    const rows = Array.from({ length: 6 }, (_, i) => `${i + 1},${(i * 7) % 5},${"uv"[i % 2]}`);
    expect(notices(lines("Id,a,y", ...rows))).toEqual([
      'column "Id" counts the rows ("1", ...): where it is no measurement, leave it out',
    ]);
  });
});

describe("missing values", () => {
  const texts = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"];

  test.each(texts)("%j is one, in numbers, categories and labels", (text) => {
    const table = lines("a,kind,y", "1,oak,u", `${text},pine,v`, `2,${text},u`, `3,oak,${text}`, "4,pine,v");
    const data = readCsv("f", table, { missing: "drop" });
    expect([...data.x.data]).toEqual([1, 1, 0, 4, 0, 1]);
    expect(data.classes).toEqual(["u", "v"]);
    expect(data.table!.dropped).toEqual({
      rows: 3,
      columns: ["a", "kind", "y"].map((column) => ({ column, rows: 1 })),
    });
    const shown = text === "" ? "" : ` (${JSON.stringify(text)})`;
    expect(() => readCsv("f", table)).toThrow(`a value is missing${shown}; --missing drop leaves such rows out`);
    const noLabel = lines("a,y", "1,u", `2,${text || '""'}`);
    expect(() => readCsv("f", noLabel)).toThrow(`f, line 3, column "y": the label is missing${shown}; --missing drop`);
    expect([...prepareCsv("n", lines("a,kind", `${text},oak`, "5,pine"), preprocessingOf(data), "drop").lines]).toEqual(
      [3],
    );
  });

  it("are what is said to be, and an empty field", () => {
    const table = lines("a,kind,y", "1,None,u", "-999,oak,v", "-999.0,oak,u", ",oak,u", "2,oak,v");
    const data = readCsv("f", table, { missing: "drop", missingValues: ["-999"] });
    expect(data.features).toEqual(["a", "kind=None", "kind=oak"]);
    expect([...data.x.data]).toEqual([1, 1, 0, 2, 0, 1]);
    const kept = parsePreprocessing("f", JSON.parse(preprocessingText(preprocessingOf(data))));
    expect(prepareCsv("n", lines("a,kind", "-999,oak", "5,None"), kept, "drop").lines).toEqual([3]);
  });
});

test("dates, constants and texts of their own in every row are named, each with a value", () => {
  const text = lines("when,id,c,a,y", "2024-01-01,k1,7,2,p", "2024-01-02,k2,7,3,q", "2024-01-03,k3,7,3,p");
  expect(notices(text)).toEqual([
    'column "when" holds categories: "2024-01-01" looks like a date; make a number of it, or leave it out',
    'column "id" has a text of its own in every row, such as "k1": nothing can be learned from that; leave it out',
    'column "c" is "7" in every row: nothing can be learned from that',
  ]);
  for (const date of ["31.12.2024", "12/31/24", "2024/1/2 10:30", "2024-01-01T10:00:00Z", "10:30"]) {
    expect(notices(lines("when,y", `${date},p`, `${date.replace("1", "2")},q`)).join(), date).toContain(
      "looks like a date",
    );
  }
  // A label is not left out.
  expect(notices(lines("a,y", "1,k1", "2,k2", "4,k3"))).toEqual([
    'column "y" is to be predicted and has a text of its own in every row, such as "k1": no row helps to tell another\'s; predict another column (--label)',
  ]);
  expect(notices(lines("a,y", "1,2024-01-01", "2,2024-01-01", "4,2024-01-02"))).toEqual([
    'column "y" is to be predicted and holds classes: "2024-01-01" looks like a date; make a number of it, or predict another column (--label)',
  ]);
  const many = Array.from({ length: 300 }, (_, i) => `"${i + 1},200",${i % 2}`);
  expect(() => readCsv("f", lines("a,y", ...many))).toThrow(
    '300 different texts, more than the 256 that are taken as categories; "1,200" is a number with --thousands ,',
  );
});
