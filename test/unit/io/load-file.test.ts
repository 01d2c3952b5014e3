// Kinds of files, a case or two each, which share the arrays that they hold: so longer than a file should be.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/core/ndarray.ts";
import { rowCount } from "../../../src/data/dataset.ts";
import { pairIdx } from "../../../src/data/idx.ts";
import { loadDataFile, loadDataSplit, loadInputs } from "../../../src/io/dataset/load.ts";
import { writeNpy } from "../../../src/io/numpy/npy.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { writeZip } from "../../../src/io/zip/zip.ts";

const folder = new URL("../../../public/data/", import.meta.url);
const read = async (file: string): Promise<Uint8Array> => readFile(new URL(file, folder));
const tensors = (items: Record<string, NdArray>) => writeSafetensors(Object.entries(items));
const x = ndarray([2, 3], "f32", [1, 2, 3, 4, 5, 6]);

describe("loadDataFile", () => {
  it("reads .csv, plain and compressed, with the options of readCsv", async () => {
    const text = new TextEncoder().encode("a,b,c\n1,2,3\n4,5,6\n");
    const plain = await loadDataFile("some/folder/t.csv", text, { label: "a", task: "regression" });
    expect(plain).toMatchObject({ name: "t.csv", features: ["b", "c"], targets: ["a"] });
    const packed = await loadDataFile("T.CSV.gz", new Uint8Array(gzipSync(text)));
    expect(packed.classes).toEqual(["3", "6"]);
  });

  it("reads IDX images and finds their labels", async () => {
    const name = "digits-images-idx3-ubyte.gz";
    const asked: string[] = [];
    const logged = async (file: string) => {
      asked.push(file);
      return read(file.replace("up/", ""));
    };
    const data = await loadDataFile(`up/${name}`, await read(name), { read: logged, scale: 16 });
    expect(asked).toEqual(["up/digits-labels-idx1-ubyte.gz"]);
    expect([rowCount(data), data.image]).toEqual([1797, { height: 8, width: 8 }]);
  });

  it("says which labels are missing", async () => {
    const bytes = await read("digits-images-idx3-ubyte.gz");
    await expect(loadDataFile("images-idx3-ubyte", bytes)).rejects.toThrow(
      "needs its labels, labels-idx1-ubyte, beside it",
    );
    await expect(loadDataFile("images-idx3-ubyte", bytes, { read })).rejects.toThrow(
      "images-idx3-ubyte: its labels, labels-idx1-ubyte, could not be read",
    );
  });

  it("reads .safetensors with classes, targets or images", async () => {
    const classes = await loadDataFile("t.safetensors", tensors({ x, y: ndarray([2], "i32", [0, 4]) }));
    expect(classes).toMatchObject({ x, y: { dtype: "i32", shape: [2] } });
    const targets = await loadDataFile("t.safetensors", tensors({ x, y: ndarray([2], "f64", [0.5, 4]) }));
    expect(targets.y).toEqual(ndarray([2, 1], "f32", [0.5, 4]));
    const cube = ndarray([2, 1, 3], "f32", x.data);
    const images = await loadDataFile("t.safetensors", tensors({ x: cube, y: ndarray([2, 1], "i32", [0, 1]) }));
    expect(images).toMatchObject({ x, image: { height: 1, width: 3 }, y: { shape: [2] } });
  });

  it("reads .npz as it reads .safetensors", async () => {
    const images = await loadDataFile(
      "t.npz",
      writeNpz([
        ["x", ndarray([2, 1, 3], "f32", x.data)],
        ["y", ndarray([2], "i32", [0, 4])],
      ]),
    );
    expect(images).toMatchObject({ name: "t.npz", x, image: { height: 1, width: 3 }, y: { dtype: "i32", shape: [2] } });
    await expect(loadDataFile("t.npz", writeNpz([["a", x]]))).rejects.toThrow(
      /^t.npz: needs arrays "x" and "y" .*, has a$/,
    );
  });

  it("reads x of an .npy and finds its y", async () => {
    const asked: string[] = [];
    const pair = (there: string) => async (file: string) => {
      asked.push(file);
      if (file !== there) throw new Error("there is no such file");
      return writeNpy(ndarray([2], "i32", [0, 4]));
    };
    const data = await loadDataFile("up/x.npy", writeNpy(x), { read: pair("up/y.npy") });
    expect(data).toMatchObject({ name: "x.npy", x, y: { dtype: "i32", shape: [2] } });
    await loadDataFile("X_train.npy", writeNpy(x), { read: pair("Y_train.npy") });
    await loadDataFile("box/max-x2.npy", writeNpy(x), { read: pair("box/max-y2.npy") });
    expect(asked).toEqual(["up/y.npy", "y_train.npy", "Y_train.npy", "box/max-y2.npy"]);
    await expect(loadDataFile("x.npy", writeNpy(x), { read: pair("z") })).rejects.toThrow("half, y.npy, could not");
    await expect(loadDataFile("x.npy", writeNpy(x))).rejects.toThrow("x.npy: needs its other half, y.npy, beside it");
    await expect(loadDataFile("box.npy", writeNpy(x))).rejects.toThrow("box.npy: an .npy of rows needs an x alone");
  });

  it.each<[string, Record<string, NdArray>, string]>([
    ["no y", { x }, 't.safetensors: needs arrays "x" and "y" (or'],
    ["nothing", {}, "has none"],
    ["x of rank 1", { x: ndarray([2], "f32", [1, 2]), y: ndarray([2], "i32", [0, 1]) }, '"x": needs shape [n, inputs]'],
    ["rows that differ", { x, y: ndarray([1], "i32", [0]) }, "x has 2 rows and y has 1"],
    [
      "x beyond f32",
      { x: ndarray([1, 1], "f64", [1e300]), y: ndarray([1], "i32", [0]) },
      "row 0, column 0 is 1e+300, not a finite number that f32 can hold",
    ],
  ])("refuses a .safetensors with %s", async (_, items, message) => {
    await expect(loadDataFile("t.safetensors", tensors(items))).rejects.toThrow(message);
  });

  it.each<[string, string, string]>([
    ["t.arff", "@relation t\n@attribute a numeric\n", "t.arff: no rows, but ARFF of Weka"],
    ["t.xml", "<?xml version='1.0'?>\n", "t.xml: no rows, but XML"],
    ["t.mat", "MATLAB 5.0 MAT-file\0\0", "t.mat: no rows, but a file of MATLAB's"],
    ["t.pkl", "\u0080\u0004\u0095\u0000", "t.pkl: no rows, but a pickle of Python's"],
    ["iris.data", "5.1,3.5,setosa\n4.9,3.0,setosa\n", "iris.data: neither content nor name tells a data format"],
    ["iris.data", "5.1,3.5,setosa\n4.9,3.0,setosa\n", "a table of text is told by its name: call it .csv"],
  ])("says what %s is, by its content", async (name, text, message) => {
    await expect(
      loadDataFile(
        name,
        Uint8Array.from(text, (c) => c.charCodeAt(0)),
      ),
    ).rejects.toThrow(message);
  });

  it("says what an archive holds that is no .npz", async () => {
    const archive = (...names: string[]) =>
      writeZip(new Map(names.map((name) => [name, new TextEncoder().encode("<x/>")])));
    // As openpyxl has it, and pandas with it.
    const book = archive("docProps/app.xml", "xl/workbook.xml", "[Content_Types].xml");
    await expect(loadDataFile("t.xlsx", book)).rejects.toThrow("t.xlsx: npz: a workbook or document of Office's");
    await expect(loadDataFile("t.zip", archive("t.csv"))).rejects.toThrow('an archive of "t.csv"; take that out of it');
  });

  it("refuses a name that tells no format", async () => {
    await expect(loadDataFile("a/data.xls", new Uint8Array(4))).rejects.toThrow(
      "data.xls: neither content nor name tells a data format; known are .csv",
    );
  });

  const images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255];
  const labels = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];

  it.each<[string, string]>([
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"],
    ["train-images.idx3-ubyte", "train-labels-idx1-ubyte"],
    ["some/folder.x/Train-Images-idx3-ubyte", "some/folder.x/Train-Labels-idx1-ubyte"],
    ["C:\\data\\IMAGES", "C:\\data\\LABELS"],
    ["pictures_image", "pictures_label"],
    ["x.bin", "y.bin"],
    ["images.idx", "labels.idx.gz"],
    ["train-data", "train-labels"],
    ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"],
  ])("reads IDX under any name: %s beside %s", async (name, beside) => {
    const read = async (file: string): Promise<Uint8Array> => {
      if (file !== beside) throw new Error(`there is no ${file}`);
      return Uint8Array.from(beside.endsWith(".gz") ? gzipSync(Uint8Array.from(labels)) : labels);
    };
    const bytes = Uint8Array.from(name.endsWith(".gz") ? gzipSync(Uint8Array.from(images)) : images);
    const data = await loadDataFile(name, bytes, { read });
    expect(data).toMatchObject({ image: { height: 1, width: 2 }, y: { data: Int32Array.of(1, 0) }, pixelScale: 255 });
    expect([...data.x.data]).toEqual([0, 51, 102, 255].map((v) => Math.fround(v / 255)));
  });

  it("says what an IDX file lacks", async () => {
    await expect(loadDataFile("pixels", Uint8Array.from(images))).rejects.toThrow(
      "needs its labels, labels, beside it",
    );
    await expect(loadDataFile("mnist", Uint8Array.from(images))).rejects.toThrow(
      "needs its labels beside it, by names",
    );
    const read = async () => Uint8Array.from(labels);
    await expect(loadDataFile("train-data", Uint8Array.from(labels), { read })).rejects.toThrow(
      "expected [n, height, width]",
    );
  });

  const y = ndarray([2], "i32", [0, 1]);
  it.each<[string, Record<string, NdArray>]>([
    ["X, y", { X: x, y }],
    ["x_train, y_train", { x_train: x, y_train: y }],
    ["trainX, trainY", { trainY: y, trainX: x }],
    ["train_images, train_labels", { train_images: x, train_labels: y }],
    ["data, target", { data: x, target: y }],
    ["features, labels", { features: x, labels: y }],
    ["Images, Label", { Images: x, Label: y }],
    ["arr_0, arr_1", { arr_0: x, arr_1: y }],
    ["x, y and others", { x, y, data: y, mean: x, weights: x }],
  ])("reads an .npz and a .safetensors of %s", async (_, arrays) => {
    for (const [file, bytes] of [
      ["t.npz", writeNpz(Object.entries(arrays))],
      ["t.safetensors", tensors(arrays)],
      ["no-name", writeNpz(Object.entries(arrays))],
    ] as const) {
      expect(await loadDataSplit(file, bytes)).toMatchObject({ train: { x, y }, test: null });
    }
  });

  it("reads the rows that a file holds out, and leaves what is no array of numbers alone", async () => {
    const other = ndarray([1, 3], "f32", [7, 8, 9]);
    const one = ndarray([1], "i32", [1]);
    const arrays = { x_train: x, y_train: y, x_test: other, y_test: one, x_val: other, y_val: one };
    const split = await loadDataSplit("t.npz", writeNpz(Object.entries(arrays)));
    expect(split).toMatchObject({ train: { x, y }, test: { x: other, y: one }, validation: { x: other, y: one } });
    const text = await readFile(new URL("../../fixtures/numpy/names.npz", import.meta.url));
    expect((await loadDataFile("names.npz", new Uint8Array(text))).x.shape).toEqual([4, 2]);
  });

  it.each<[string, Record<string, NdArray>, string]>([
    ["X and x", { X: x, x, y }, '"X" and "x" may both be x: keep or name one "x", has X, x, y'],
    ["two kinds of inputs", { images: x, features: x, y }, '"images" and "features" may both be x'],
    ["four positions", { arr_0: x, arr_1: y, arr_2: x, arr_3: y }, "arrays without names, more than two"],
    ["inputs alone", { x_train: x, x_test: x }, 'needs arrays "x" and "y" (or x_train and y_train'],
    [
      "test rows of another width",
      { x_train: x, y_train: y, x_test: ndarray([2, 1], "f32", [1, 2]), y_test: y },
      "has",
    ],
  ])("refuses an .npz with %s", async (_, arrays, message) => {
    const loaded = loadDataFile("t.npz", writeNpz(Object.entries(arrays)));
    await expect(loaded).rejects.toThrow(message === "has" ? 't.npz: rows of "x_test" have 1 values' : message);
  });

  it("takes whole numbers below 0 as values, which no class has", async () => {
    const of = (...labels: number[]) =>
      writeNpz([
        ["x", x],
        ["y", ndarray([2], "i32", labels)],
      ]);
    expect((await loadDataFile("t.npz", of(1, -1))).y).toEqual(ndarray([2, 1], "f32", [1, -1]));
    expect((await loadDataFile("t.npz", of(1, 0))).y).toEqual(ndarray([2], "i32", [1, 0]));
    const idx = (code: number, ...bytes: number[]) => Uint8Array.of(0, 0, code, 1, 0, 0, 0, 2, ...bytes);
    const inputs = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8);
    expect(pairIdx(inputs, idx(9, 1, 255), { name: "t" }).y).toEqual(ndarray([2, 1], "f32", [1, -1]));
    expect(pairIdx(inputs, idx(9, 1, 0), { name: "t" }).y.dtype).toBe("i32");
  });

  it("divides bytes alone by what pixels were divided by, in rows of any shape, and says what it did", async () => {
    // Big-endian floats 0.5 and -1.
    const idx = Uint8Array.of(0, 0, 0x0d, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x3f, 0, 0, 0, 0xbf, 0x80, 0, 0);
    const floats = ndarray([1, 2], "f32", [0.5, -1]);
    expect(await loadInputs("t", idx, 255)).toEqual({ x: floats, pixels: false, dividedBy: null });
    expect((await loadInputs("t", idx, 0.5)).x).toMatchObject({ data: Float32Array.of(1, -2) });
    const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }`.padEnd(117);
    const bytes = Uint8Array.from([...Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}\n`, "latin1"), 0, 51]);
    const pixels = await loadInputs("t", Uint8Array.from(images), null);
    expect(pixels).toMatchObject({ pixels: true, dividedBy: 255 });
    expect(await loadInputs("t.npy", bytes, 255)).toMatchObject({
      x: { data: Float32Array.of(0, 0.2) },
      dividedBy: 255,
    });
    expect(await loadInputs("t.npy", bytes, null)).toMatchObject({ pixels: false, dividedBy: null });
  });

  it("has all digits of int64, and rows of new data by their names", async () => {
    const days = ndarray([2, 1], "f64", [1_700_000_000_000, 1_700_000_060_000]);
    const ms = new Uint8Array(await readFile(new URL("../../fixtures/numpy/milliseconds.npz", import.meta.url)));
    expect((await loadDataFile("milliseconds.npz", ms)).x).toEqual(days);
    const arrays = { x_train: days, y_train: y, x_test: x, y_test: y };
    expect((await loadInputs("t.npz", writeNpz(Object.entries(arrays)), null)).x).toEqual(x);
    expect((await loadInputs("t.npz", writeNpz([["samples", x]]), null)).x).toEqual(x);
    expect((await loadInputs("t.npz", writeNpz([["whatever", x]]), null)).x).toEqual(x);
    expect((await loadInputs("t.npy", writeNpy(x), null)).x).toEqual(x);
    expect((await loadInputs("t", Uint8Array.from(images), 51)).x).toMatchObject({ data: Float32Array.of(0, 1, 2, 5) });
    await expect(loadInputs("t.npz", writeNpz(Object.entries({ a: x, b: y })), null)).rejects.toThrow("has a, b");
    await expect(loadInputs("t.npy", writeNpy(y), null)).rejects.toThrow(
      't.npy, "array": needs shape [n, inputs], got [2]',
    );
  });
});
