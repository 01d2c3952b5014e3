import { speaker } from "../state/language.ts";

const en = {
  part: "What is predicted, and from what",
  predict: "Predict",
  also: "And also",
  alsoHint: "further columns, with commas",
  unknown: "There is no column {name}.",
  missingTexts: "Texts that mean a missing value, with commas",
  missingHint: "an empty field alone",
  as: "As",
  classification: "classes",
  regression: "a number",
  multilabel: "labels",
  classes: "Predicts {label}, one of {n} classes, from {from}.",
  severalNumbers: "Predicts {label}, {n} numbers (regression), from {from}.",
  labels: "Predicts {label}, {n} labels that each apply or not, from {from}.",
  number: "Predicts {label}, a number (regression), from {from}.",
  numbers: "numbers: {names}",
  categories: "categories: {names}",
  dropped: "{n} rows left out: {why}.",
  missing: "{column} missing in {n}",
  ignored: "Columns left out: {names}.",
  nameless: "column {n}, without a name",
  marks: "Numbers are written",
  header: "The first line names the columns",
  nnumbers:
    "{column} holds categories, and {value} looks like a number: choose how numbers are written, or write it plainly in the file, as -1234.5.",
  nmixed:
    "{column} holds categories, though most are numbers: {value} in line {line} is none. Leave the field empty where it is missing.",
  "nlabel-mixed":
    "{column} is predicted as classes, though most are numbers: {value} in line {line} is none. Leave the field empty where it is missing.",
  nalike: "{column} holds {value} and {other} as two categories: write them alike where they mean one.",
  "nlabel-alike":
    "{column} is predicted and holds {value} and {other} as two classes: write them alike where they mean one.",
  npoints:
    "{column} is read with a point before decimals, as in {value}: choose how numbers are written where it stands between thousands.",
  "nlabel-points":
    "{column} is predicted and read with a point before decimals, as in {value}: choose how numbers are written where it stands between thousands.",
  nzeros:
    "{column} loses leading zeros, as in {value}: where it is a code, leave it out, or write a letter before each.",
  "nlabel-zeros":
    "{column} is predicted as a number and loses leading zeros, as in {value}: where it names classes, choose those.",
  ndigits: "{column} loses digits: {value} is read as {other}. An identifier is better left out of the file.",
  "nlabel-digits":
    "{column} is predicted and loses digits: {value} is read as {other}. Take the same number off each in the file.",
  ndates: "{column} holds categories, and {value} looks like a date: make a number of it, or leave it out of the file.",
  nunique: "{column} has a text of its own in every row, such as {value}: nothing can be learned from that.",
  "nlabel-numbers":
    "{column} is predicted as classes, and {value} looks like a number: choose how numbers are written, or write it plainly in the file, as -1234.5.",
  "nlabel-dates":
    "{column} is predicted as classes, and {value} looks like a date: make a number of it in the file, or predict another column.",
  "nlabel-unique":
    "{column} has a text of its own in every row, such as {value}: no row helps to tell another's. Predict another column.",
  ncounts: "{column} counts the rows: where it is no measurement, leave it out of the file.",
  nconstant: "{column} is {value} in every row: nothing can be learned from that.",
  npixels:
    "The bytes of {column} are taken as pixels {value} and divided by 255: store numbers that are none as f32 in the file.",
  nbytes: "The bytes of {column} are taken as they are: give pixels the shape [n, height, width] in the file.",
  nnames: "{value} in the first line is taken as a column's name.",
  nmerged: "{column} loses digits: {value} and {other} are one number.",
  "nlabel-merged":
    "{column} is predicted and loses digits: {value} and {other} are one number. Take the same number off each in the file.",
} as const;

export type TableKey = keyof typeof en;

const zh: Readonly<Record<TableKey, string>> = {
  part: "预测什么，根据什么",
  predict: "预测",
  also: "还预测",
  alsoHint: "更多的列，用逗号隔开",
  unknown: "没有名为 {name} 的列。",
  missingTexts: "表示缺失值的文字，用逗号隔开",
  missingHint: "只有空字段",
  as: "作为",
  classification: "类别",
  regression: "数值",
  multilabel: "标签",
  classes: "预测 {label}（{n} 个类别之一），根据{from}。",
  severalNumbers: "预测 {label}（{n} 个数值，回归），根据{from}。",
  labels: "预测 {label}（{n} 个标签，各自成立与否），根据{from}。",
  number: "预测 {label}（数值，回归），根据{from}。",
  numbers: "数值列：{names}",
  categories: "类别列：{names}",
  dropped: "略去 {n} 行：{why}。",
  missing: "{column} 缺 {n} 个",
  ignored: "略去的列：{names}。",
  nameless: "第 {n} 列（没有名字）",
  marks: "数字的写法",
  header: "第一行是列名",
  nnumbers: "{column} 被当作类别，而 {value} 看起来是数字：请选择数字的写法，或在文件中改写成 -1234.5 的样子。",
  nmixed: "{column} 被当作类别，虽然大多是数字：第 {line} 行的 {value} 不是。缺失的值请留空。",
  "nlabel-mixed": "{column} 被当作要预测的类别，虽然大多是数字：第 {line} 行的 {value} 不是。缺失的值请留空。",
  nalike: "{column} 把 {value} 和 {other} 当作两个类别：如果是同一个，请写成一样的。",
  "nlabel-alike": "要预测的 {column} 把 {value} 和 {other} 当作两个类别：如果是同一个，请写成一样的。",
  npoints: "{column} 的点被读作小数点，例如 {value}：如果是千位分隔符，请选择数字的写法。",
  "nlabel-points": "要预测的 {column} 的点被读作小数点，例如 {value}：如果是千位分隔符，请选择数字的写法。",
  nzeros: "{column} 丢失了开头的零，例如 {value}：如果是编码，请从文件中去掉，或在前面加一个字母。",
  "nlabel-zeros": "要预测的 {column} 被当作数值，丢失了开头的零，例如 {value}：如果是类别，请选择类别。",
  ndigits: "{column} 丢失了位数：{value} 读成了 {other}。编号最好从文件中去掉。",
  "nlabel-digits": "要预测的 {column} 丢失了位数：{value} 读成了 {other}。请在文件中把每个数减去同一个数。",
  ndates: "{column} 被当作类别，而 {value} 看起来是日期：请换算成数字，或从文件中去掉这一列。",
  nunique: "{column} 的文字每行都不同，例如 {value}：从中学不到东西。",
  "nlabel-numbers":
    "{column} 被当作要预测的类别，而 {value} 看起来是数字：请选择数字的写法，或在文件中改写成 -1234.5 的样子。",
  "nlabel-dates": "{column} 被当作要预测的类别，而 {value} 看起来是日期：请在文件中换算成数字，或预测别的列。",
  "nlabel-unique": "{column} 的文字每行都不同，例如 {value}：哪一行也帮不上别的行。请预测别的列。",
  ncounts: "{column} 只是行号：如果不是测量值，请从文件中去掉。",
  nconstant: "{column} 每行都是 {value}：从中学不到东西。",
  npixels: "{column} 的字节被当作像素 {value}，除以 255：如果不是像素，请在文件中存为 f32。",
  nbytes: "{column} 的字节按原样使用：如果是像素，请在文件中给出形状 [n, 高, 宽]。",
  nnames: "第一行的 {value} 被当作列名。",
  nmerged: "{column} 丢失了位数：{value} 和 {other} 成了同一个数。",
  "nlabel-merged": "要预测的 {column} 丢失了位数：{value} 和 {other} 成了同一个数。请在文件中把每个数减去同一个数。",
};

export const tables = { en, zh };
export const say = speaker<TableKey>(tables);
