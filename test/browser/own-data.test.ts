// All that is dropped on one page, kind by kind, with the files that they share: so longer than a file should be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { writeNpz } from "../../src/io/numpy/npz.ts";
import { writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { studio } from "../shared/page.ts";
import { png } from "../shared/png.ts";

const s = studio();
let folder: string;

/** Two kinds of picture of different sizes: bright above or bright below. */
const picture = (i: number, above: boolean): Buffer => {
  const [w, h] = [20 + i, 24];
  return png(w, h, (_x, y) => (y < h / 2 === above ? [250, 240, 230] : [10 + i, 20, 30]));
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-images-"));
  for (const kind of ["above", "below"]) {
    mkdirSync(join(folder, "good", kind), { recursive: true });
    for (let i = 0; i < 15; i++) writeFileSync(join(folder, "good", kind, `${i}.png`), picture(i, kind === "above"));
  }
  writeFileSync(join(folder, "good", "notes.txt"), "not an image");
  for (const set of ["broken", "bomb", "many"]) {
    for (const kind of ["a", "b"]) {
      mkdirSync(join(folder, set, kind), { recursive: true });
      writeFileSync(join(folder, set, kind, "ok.png"), picture(0, kind === "a"));
    }
  }
  writeFileSync(join(folder, "broken", "b", "torn.png"), picture(3, true).subarray(0, 60));
  // Some bytes that say they decode to 40 GB.
  writeFileSync(
    join(folder, "bomb", "b", "huge.png"),
    png(4, 4, () => [0, 0, 0], [100_000, 100_000]),
  );
  for (let i = 0; i < 1500; i++) writeFileSync(join(folder, "many", "a", `${i}.png`), picture(i % 30, true));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(content) });
const choose = async (set: string): Promise<void> => {
  await s.page.setInputFiles("#folder", join(folder, set));
  await s.page.waitForSelector("#folder-found");
};
const rowsShow = (text: string) =>
  s.page.waitForFunction((wanted) => document.querySelector("#rows")?.textContent?.includes(wanted), text);

describe("a folder of images", () => {
  test("becomes grey squares of the size asked for, its folders the classes, and trains", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    await choose("good");
    expect(await s.text("#folder-found")).toBe("30 images in 2 folders: above, below");
    await s.page.selectOption("#folder-side", "16");
    await s.page.click("#folder-take");
    await rowsShow("24 rows to train, 6 to test");
    await s.page.waitForSelector("#folder-part", { state: "detached" });
    await s.page.waitForFunction(() => document.querySelector("#accuracy")?.textContent?.includes("100"));
    expect(await s.text("#net")).toContain("input 256");
    expect(await s.text("#confusion")).toContain("below");
    await s.page.waitForSelector("#weights canvas");
  });

  test("with one that cannot be read is refused by its name, or taken without it; the run before goes on until then", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    await s.page.uncheck("#missing");
    await choose("broken");
    await s.page.click("#folder-take");
    await s.page.waitForSelector("#problem");
    expect(await s.text("#problem")).toContain('"broken/b/torn.png": ');
    expect(s.page.url()).toContain("data=moons");
    const before = await s.stepCount();
    await s.page.waitForFunction(
      (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
      before,
    );
    await s.page.check("#missing");
    await choose("broken");
    await s.page.click("#folder-take");
    await rowsShow("train: 2");
  });

  test("that would decode to gigabytes is refused before it is decoded, and one without classes at once", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    await s.page.uncheck("#missing");
    await choose("bomb");
    await s.page.click("#folder-take");
    await s.page.waitForSelector("#problem");
    expect(await s.text("#problem")).toContain("100000 x 100000 pixels, more than");
    await choose("good/above");
    expect(await s.text("#folder-found")).toContain("Each class needs a folder of its own");
    expect(await s.page.locator("#folder-take").count()).toBe(0);
    await s.page.click("#folder-cancel");
    await s.page.waitForSelector("#folder-part", { state: "detached" });
  });

  test("says how far it is, and is cancelled without a trace; in Chinese too", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    await s.switchLanguage();
    await choose("many");
    expect(await s.text("#folder-found")).toContain("2 个文件夹");
    await s.page.click("#folder-take");
    await s.page.waitForFunction(
      () => Number(document.querySelector<HTMLProgressElement>("#folder-progress progress")?.value) > 0,
    );
    expect(await s.text("#folder-progress")).toMatch(/已读取 [\d,]+ \/ 1,502 张图像/);
    await s.page.click("#folder-cancel");
    await s.page.waitForSelector("#folder-part", { state: "detached" });
    expect(await s.page.locator("#problem").count()).toBe(0);
    expect(s.page.url()).toContain("data=moons");
  });
});

describe("a table", () => {
  const csv = (name: string, ...lines: string[]) => s.page.setInputFiles("#file", file(name, `${lines.join("\n")}\n`));
  const says = (text: string) =>
    s.page.waitForFunction((t) => document.querySelector("#table-line")?.textContent?.includes(t), text);

  test("of whole-number prices is a regression; label and task are seen and can be changed, in Chinese too", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const price = (i: number): number => 100_000 + (((i % 118) * 7919) % 900_000);
    const rows = Array.from({ length: 120 }, (_, i) => `${1 + (i % 5)},${27 + ((i * 13) % 170)},${price(i)}`);
    await csv("prices.csv", "rooms,area,price", ...rows);
    await says("Predicts price, a number (regression), from numbers: rooms, area.");
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 1 mse"));
    await s.page.selectOption("#table-task", "classification");
    await says("Predicts price, one of 118 classes");
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 118"));
    await s.page.selectOption("#table-label", "rooms");
    await says("Predicts rooms, one of 5 classes, from numbers: area, price.");
    await s.switchLanguage();
    await says("预测 rooms（5 个类别之一），根据数值列：area, price。");
    await s.page.selectOption("#field-data", "moons");
    await s.page.waitForSelector("#table-part", { state: "detached" });
  });

  test("whose numbers or names are not told is named, and read as it is said to be", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const rows = Array.from(
      { length: 40 },
      (_, i) => `${i},"${1 + (i % 9)},${200 + i}",${i % 2 ? "p" : "q"},${i % 8 ? i : "NaN"}`,
    );
    await csv("prices.csv", ",price,y,b", ...rows);
    await says(
      "from numbers: b; categories: price (35). 5 rows left out: b missing in 5. Columns left out: column 1, without a name.",
    );
    expect(await s.text("#table-notices")).toContain("price holds categories, and 2,201 looks like a number");
    await s.page.selectOption("#table-marks", "1,234.5");
    await says("from numbers: price, b. 5 rows");
    expect(await s.page.locator("#table-notices").count()).toBe(0);
    const bare = Array.from({ length: 30 }, (_, i) => `${i % 7}.5,${i % 5}.25,${i % 3 ? "u" : "v"}`);
    // Said in the page's language, by the page's fields.
    await s.switchLanguage();
    await csv("bare.csv", ...bare);
    await s.page.locator("#problem", { hasText: "第一行不是列名" }).waitFor();
    await s.switchLanguage();
    await csv("bare.csv", ...bare);
    await s.page.locator("#problem", { hasText: "the first line does not name the columns" }).waitFor();
    expect(await s.text("#problem")).toContain(
      `take the tick off “${(await s.text("label:has(#table-header)")).trim()}”`,
    );
    await s.page.uncheck("#table-header");
    await says("Predicts c3, one of 2 classes, from numbers: c1, c2.");
    await rowsShow("24 rows to train, 6 to test");
    const mostly = Array.from({ length: 30 }, (_, i) => `${(i * 7) % 11},0${1000 + i},${i === 4 ? "n.a." : i + 0.5}`);
    await csv("stray.csv", "a,zip,y", ...mostly);
    await says("Predicts y, one of 30 classes, from numbers: a, zip.");
    const notices = await s.text("#table-notices");
    expect(notices).toContain("zip loses leading zeros, as in 01000: where it is a code, leave it out");
    expect(notices).toContain("y is predicted as classes, though most are numbers: n.a. in line 6 is none.");
  });

  test("may have several columns to predict, and texts of its own for what is missing", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const rows = Array.from({ length: 40 }, (_, i) => `${i % 8 ? i / 4 : -99},${i % 3},${i % 2},"${i % 5 ? 1 : 0}"`);
    await csv("several.csv", 'a,b,u,"v,w"', ...rows);
    await says("Predicts v,w, one of 2 classes, from numbers: a, b, u.");
    const type = async (field: string, typed: string): Promise<void> => {
      await s.page.fill(field, typed);
      await s.page.press(field, "Enter");
    };
    await type("#table-also", "u, z");
    expect(await s.text("#table-also-error")).toBe("There is no column z.");
    await type("#table-also", "u");
    await says("Predicts v,w, u, 2 labels that each apply or not, from numbers: a, b.");
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 2 bce"));
    await type("#table-missing", `${await s.page.inputValue("#table-missing")}, -99`);
    await says("from numbers: a, b. 5 rows left out: a missing in 5.");
    await s.page.selectOption("#table-label", "a");
    await says("Predicts a, a number (regression), from numbers: b, u, v,w. 5 rows");
    await type("#table-also", '"v,w", b');
    await says("Predicts a, v,w, b, 3 numbers (regression), from numbers: u. 5 rows");
    expect(await s.page.inputValue("#table-also")).toBe('"v,w", b');
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 3 mse"));
    await type("#table-missing", "");
    await s.page.waitForFunction(() => !document.querySelector("#table-line")?.textContent?.includes("left out"));
  });

  test("of two classes trains a net of one linear output, and one with gaps a net of more classes", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const own = (layers: object[], loss: string) => file("mine.json", JSON.stringify({ layers, loss }));
    const labels = (name: string, of: (i: number) => number) =>
      csv(name, "a,b,y", ...Array.from({ length: 40 }, (_, i) => `${i / 4},${i % 7},${of(i)}`));
    const hidden = [{ type: "linear", in: 2, out: 3 }, { type: "tanh" }];
    // Rows that are shipped are taken likewise.
    await s.page.setInputFiles("#file", own([...hidden, { type: "linear", in: 3, out: 1 }], "mse"));
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 1 mse"));
    await s.trained(5);
    await labels("two.csv", (i) => i % 2);
    await says("one of 2 classes");
    await s.page.setInputFiles("#file", own([...hidden, { type: "linear", in: 3, out: 1 }], "mse"));
    await says("Predicts y, a number (regression), from numbers: a, b.");
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 1 mse"));
    await s.trained(5);
    await labels("gaps.csv", (i) => [0, 2, 5][i % 3]!);
    await says("one of 3 classes");
    await s.page.setInputFiles("#file", own([...hidden, { type: "linear", in: 3, out: 6 }], "crossEntropy"));
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 6"));
    await s.page.waitForFunction(() => document.querySelectorAll("#confusion thead th").length >= 6);
    expect(await s.text("#confusion thead")).toContain("0123456".slice(0, 6));
  });

  test("in Parquet, and arrays, are told and can be changed likewise, without what is of text alone", async () => {
    await s.open("data=moons&device=cpu");
    await s.trained(5);
    const of = (length: number, value: (i: number) => number | bigint | string) =>
      Array.from({ length }, (_, i) => value(i));
    const columnData = [
      { name: "id", type: "INT64" as const, data: of(30, (i) => 9007199254740993n + BigInt((i * 7) % 30)) },
      { name: "a", type: "DOUBLE" as const, data: of(30, (i) => i / 4) },
      { name: "kind", type: "STRING" as const, data: of(30, (i) => "uv"[i % 2]!) },
    ];
    const parquet = new Uint8Array(parquetWriteBuffer({ columnData }));
    await s.page.setInputFiles("#file", file("t.parquet", parquet));
    await says("Predicts kind, one of 2 classes, from numbers: id, a.");
    expect(await s.text("#table-notices")).toContain("id loses digits: 9007199254740993 is read as 9007199254740992.");
    expect(await s.page.locator("#table-marks").count()).toBe(0);
    await s.page.selectOption("#table-label", "a");
    await says("Predicts a, a number (regression), from numbers: id; categories: kind (2).");
    // Bytes in rows as long as an image: the format by hand, a header and 12 rows of 64 beside their labels.
    const header = `{"x":{"dtype":"U8","shape":[12,64],"data_offsets":[0,768]},"y":{"dtype":"U8","shape":[12],"data_offsets":[768,780]}}`;
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const rows = Buffer.from(Array.from({ length: 780 }, (_, i) => (i < 768 ? (i * 37) % 256 : i % 3)));
    await s.page.setInputFiles("#file", file("flat.safetensors", Buffer.concat([length, Buffer.from(header), rows])));
    await says("Predicts y, one of 3 classes, from numbers: x (64).");
    expect(await s.text("#table-notices")).toContain("taken as pixels 8 x 8 and divided by 255");
    // More classes than rows are none; the user may want them all the same.
    const y = ndarray([12], "i32", [3, 7, 20, 15, 8, 9, 2, 4, 11, 30, 5, 6]);
    const npz = writeNpz([
      ["x", ndarray([12, 2], "f32", of(24, Number) as number[])],
      ["y", y],
    ]);
    await s.page.setInputFiles("#file", file("whole.npz", npz));
    await says("Predicts y, a number (regression), from numbers: x (2).");
    await s.page.selectOption("#table-task", "classification");
    await says("Predicts y, one of 31 classes, from numbers: x (2).");
    await s.page.waitForFunction(() => document.querySelector("#net")?.textContent?.includes("output 31"));
  });
});

test("a bad file of any kind leaves the data and the run that were there", async () => {
  await s.open("data=moons&device=cpu");
  await s.trained(5);
  const rows = Array.from({ length: 40 }, (_, i) => `${i},${i % 7},${i < 20 ? "low" : "high"}`);
  await s.page.setInputFiles("#file", file("mine.csv", `a,b,y\n${rows.join("\n")}\n`));
  await rowsShow("32 rows to train");
  await s.trained(50);
  const csv = (text: string) => [file("bad.csv", text)];
  const idx = (...bytes: number[]) => Uint8Array.from(bytes);
  const bad: readonly (readonly [readonly ReturnType<typeof file>[], string])[] = [
    [csv("a,b,y\n1,2,x\n3,oops,y\n"), "line 3"],
    [csv('a,b,y\n1,"2,x\n'), "never closed"],
    [csv(`a,y\n${Array.from({ length: 300 }, (_, i) => `n${i},${i % 2}`).join("\n")}`), "300 different texts"],
    [
      [
        file("i", idx(0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 9)),
        file("l", idx(0, 0, 8, 1, 0, 0, 0, 2, 1, 0)),
      ],
      "cut short",
    ],
    [[file("x.csv.gz", idx(0x1f, 0x8b, 8, 0, 1, 2, 3))], "gzip stream is damaged"],
    [[file("w.safetensors", writeSafetensors([["x", ndarray([1], "f32", [1])]]))], 'needs arrays "x" and "y"'],
    [[file("w.bin", idx(1, 2, 3, 4))], "drop one CSV file"],
    [[file("t.arff", "@relation t\n@data\n1,2\n")], "t.arff is no table of text: it is ARFF of Weka"],
    [[file("net.onnx", idx(8, 1, 2, 3, 255, 255))], "onnx"],
    [[file("model.json", '{"__proto__":{"polluted":1}}')], "keras"],
  ];
  for (const [files, message] of bad) {
    await s.page.setInputFiles("#file", [...files]);
    await s.page.waitForFunction(
      (text) => document.querySelector("#problem")?.textContent?.toLowerCase().includes(text),
      message.toLowerCase(),
      { timeout: 10_000 },
    );
    expect(await s.text("#rows"), message).toContain("32 rows to train");
    const before = await s.stepCount();
    await s.page.waitForFunction(
      (n) => Number(document.querySelector("#step-count")?.textContent?.replace(/\D/g, "")) > n,
      before,
    );
  }
  expect(await s.page.evaluate(() => "polluted" in {})).toBe(false);
  // A refused report leaves the room as it was.
  await s.page.click("#room-benchmark");
  await s.page.waitForSelector("#bench-run");
  const report = {
    format: "chainrule-bench",
    version: 1,
    ceilings: [],
    products: [null],
    steps: [],
    crossover: [],
    logging: [],
  };
  await s.page.setInputFiles("#bench-file", file("r.json", JSON.stringify(report)));
  await s.page.waitForSelector("#bench [role=alert]");
  expect(await s.page.locator("#bench-earlier").count()).toBe(0);
});
