import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/core/ndarray.ts";
import { rowCount } from "../../../src/data/dataset.ts";
import { loadDataFile } from "../../../src/io/load-file.ts";
import { writeNpy } from "../../../src/io/npy.ts";
import { writeNpz } from "../../../src/io/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors.ts";

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
    await expect(loadDataFile("images-idx3-ubyte", bytes)).rejects.toThrow("its labels, labels-idx1-ubyte, are needed");
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
    await expect(loadDataFile("t.npz", writeNpz([["a", x]]))).rejects.toThrow('t.npz: needs arrays "x" and "y", has a');
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
    await expect(loadDataFile("x.npy", writeNpy(x))).rejects.toThrow("x.npy: its other half, y.npy, is needed");
    await expect(loadDataFile("box.npy", writeNpy(x))).rejects.toThrow("box.npy: an .npy of rows needs an x alone");
  });

  it.each<[string, Record<string, NdArray>, string]>([
    ["no y", { x }, 't.safetensors: needs arrays "x" and "y", has x'],
    ["nothing", {}, "has none"],
    ["x of rank 1", { x: ndarray([2], "f32", [1, 2]), y: ndarray([2], "i32", [0, 1]) }, '"x": needs shape [n, inputs]'],
    ["targets of rank 3", { x, y: ndarray([2, 1, 1], "f32", [0, 1]) }, '"y": targets need shape [n, outputs]'],
    ["rows that differ", { x, y: ndarray([1], "i32", [0]) }, "x has 2 rows and y has 1"],
    [
      "x beyond f32",
      { x: ndarray([1, 1], "f64", [1e300]), y: ndarray([1], "i32", [0]) },
      "row 0, column 0 is 1e+300, not a finite number that f32 can hold",
    ],
  ])("refuses a .safetensors with %s", async (_, items, message) => {
    await expect(loadDataFile("t.safetensors", tensors(items))).rejects.toThrow(message);
  });

  it("refuses a name that tells no format", async () => {
    await expect(loadDataFile("a/data.parquet", new Uint8Array(4))).rejects.toThrow(
      "data.parquet: the name does not tell a data format; known are .csv",
    );
  });
});
