import { expect, test } from "vitest";
import { inWords } from "../../../src/app/worker/table-words.ts";
import { ChainruleError } from "../../../src/core/errors.ts";
import { type CsvOptions, readCsv } from "../../../src/data/csv.ts";
import { faultOf } from "../../../src/data/table-fault.ts";

const thrown = (file: string | Uint8Array, options?: CsvOptions): unknown => {
  try {
    readCsv("my.csv", file, options);
  } catch (error) {
    return error;
  }
  return null;
};
const many = Array.from({ length: 300 }, (_, i) => `"${i},${String(i % 10).repeat(3)}",${i}`).join("\n");

/** A file of each fault, with what the page says of it beside the file's name, in both languages. */
test.each<[string, string | Uint8Array, string, string, CsvOptions?]>([
  ["empty", "", "is empty", "是空的"],
  ["noRows", "a,y\n", "has no rows", "没有数据行"],
  ["foreign json", '[{"a":1}]', "it is JSON. Write its rows as CSV", "它是 JSON"],
  ["foreign excel", Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0), "it is a workbook of Excel", "Excel 工作簿"],
  ["notUtf8", Uint8Array.of(97, 0xe9, 44, 98, 10), "is not UTF-8 text", "不是 UTF-8 文本"],
  ["utf16", Uint8Array.of(0xff, 0xfe, 97, 0), "is UTF-16 text", "是 UTF-16 文本"],
  ["zeroBytes", Uint8Array.of(97, 0, 44, 0), "holds zero bytes", "含有零字节"],
  ["oneColumn", "a\n1\n", "line 1: one column", "第 1 行：只有一列"],
  ["width", "a,y\n1,2\n1\n", "line 3: 1 fields where the first has 2", "第 3 行：有 1 个字段，而第一行有 2 个"],
  ["width title", "t\na,y\n1,2\n", "If line 1 is no header but a title", "如果第 1 行不是列名而是标题"],
  ["width comment", "# t\na,y\n1,2\n", "If line 1 is a comment", "如果第 1 行是注释"],
  ["width commentRow", "a,y\n# t\n1,2\n", "A comment is no row", "注释不是数据"],
  ["width rowNames", "a,y\nm,1,2\nn,3,4\n", "name that column in the first line", "给那一列起名"],
  ["names", "1,2\n3,4\n", 'does not name the columns ("1"). If it is a row, take the tick off', '不是列名（"1"）'],
  ["twins", "a,a,y\n1,2,3\n", 'two columns are named "a"', '有两列都叫 "a"'],
  ["nameless", "a,,y\n1,2,3\n", "column 2 has no name", "第 2 列没有名字"],
  ["noNames", ",\n,\n", "no column has a name", "没有一列有名字", { header: true }],
  ["quoteInside", 'a,y\nx"1",2\n', "a double quote inside a field", "中间却有双引号"],
  ["quoteBehind", 'a,y\n"1"x,2\n', "text follows a closing double quote", "右双引号后面还有文字"],
  ["quoteOpen", 'a,y\n"1,2\n', "a double quote is opened and never closed", "双引号没有闭合"],
  ["lacking", "a,y\nNA,2\n", "every row lacks a value", "每一行都缺值", { missing: "drop" }],
  ["missing", "a,y\n1,2\nNA,2\n", 'line 3, column "a": a value is missing. Fill it in', "缺少一个值"],
  ["missing everywhere", "a,y\nNA,2\n,3\n", "So it is in every row", "每一行都是这样"],
  ["missing label", "a,y\n1,u\n2,\n", 'line 3, column "y": a value is missing', "第 3 行"],
  ["number marks", 'a,y\n"1,5",2\n3,4\n', '"1,5" is not a number that a net can take. Choose how', "请选择数字的写法"],
  ["number plainly", "a,y\n(5),2\n3,4\n", "Write it as -5.", "请写成 -5。"],
  ["number hex", "a,y\n0x1F,2\n3,4\n", "Write it as 31.", "请写成 31。"],
  ["number signs", "a,y\n$5,2\n3,4\n", "Take the signs around it off", "去掉它周围的符号"],
  ["number noNumber", "a,y\ninf,2\n3,4\n", "Leave the field empty where", "没有数字的地方请留空"],
  ["number flags", "a,y\ntrue,2\n3,4\n", "Write 1 and 0.", "请写成 1 和 0"],
  ["number above", "a,b,y\nm,kg,s\n1,2,3\n4,5,6\n", "If line 2 names the columns", "如果第 2 行是列名"],
  ["number stray", "a,y\n1,2\nTotal,4\n", "Where it stands for a missing value", "如果它表示缺失值"],
  ["number", "a,y\n1e99,2\n3,4\n", '"1e99" is not a number that a net can take.', '"1e99" 不是'],
  ["many marks", `a,y\n${many}\n`, "300 different texts, more than the 256", "300 种不同的文字"],
  ["noColumn", "a,y\n1,2\n", 'has no column "z"; there are a, y', '没有名为 "z" 的列', { label: "z" }],
  ["nothingLeft", "a,y\n1,2\n", "no column is left to learn from", "没有剩下", { label: ["a", "y"] }],
])("%s", (what, file, english, chinese, options) => {
  const error = thrown(file, options);
  expect(faultOf(error)?.fault).toBe(what.split(" ")[0]);
  for (const [language, text] of [
    ["en", english],
    ["zh", chinese],
  ] as const) {
    const said = inWords(error, language);
    expect(said).toBeInstanceOf(ChainruleError);
    const { message } = said as ChainruleError;
    expect(message).toContain(text);
    expect(message).toContain("my.csv");
    // Every place is filled, and nothing is named that a page does not have.
    expect(message).not.toMatch(/\{\w+\}|undefined|--|header:/);
    if (language === "zh") expect(message.replace(/"[^"]*"|my\.csv/g, "")).not.toMatch(/[a-z]{3,} [a-z]{2,}/);
  }
});

test("any other error stays as it is", () => {
  const other = new ChainruleError("data", "another", { cause: new Error("it") });
  expect(inWords(other, "zh")).toBe(other);
  expect(inWords("text", "zh")).toBe("text");
});
