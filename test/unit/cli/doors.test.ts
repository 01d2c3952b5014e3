/** Files that are not what they are taken for: each refusal says which file, and what to do. */

import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run as importNet } from "../../../src/cli/import.ts";
import { run as predict } from "../../../src/cli/predict.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { openRowFile } from "../../../src/io/dataset/row-file.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { dataFolder, summary } from "../../shared/data-folder.ts";

const { folder, put, net } = dataFolder();
const text = (name: string, content: string): string => put(name, new TextEncoder().encode(content));

beforeEach(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe("predict", () => {
  const weights = (name: string, bias: number): string =>
    put(
      name,
      writeSafetensors([
        ["0.weight", ndarray([1, 2], "f32", [3e38, 1])],
        ["0.bias", ndarray([1], "f32", [bias])],
      ]),
    );
  const rows = (...values: number[]): string =>
    put("rows.npz", writeNpz([["x", ndarray([values.length / 2, 2], "f32", values)]]));
  const predicted = (w: string, data: string, out = "-") =>
    predict([net(2, 1, "mse"), "--weights", w, "--data", data, "--out", out, "--backend", "reference"]);

  it("refuses outputs that are no numbers, with the row, and takes the rows before them", async () => {
    const w = weights("w.safetensors", 0);
    expect(await predicted(w, rows(0, 1, 1, 1))).toBe(0);
    await expect(predicted(w, rows(0, 1, 100, 1))).rejects.toThrow(
      "row 2: output 0 of the net is Infinity; its weights",
    );
  });

  it("never writes over its own rows", async () => {
    const data = rows(0, 1);
    const before = readFileSync(data);
    await expect(predicted(weights("v.safetensors", 0), data, data)).rejects.toThrow(
      "--out and --data name the same file",
    );
    expect(readFileSync(data)).toEqual(before);
  });

  it("reads weights that lie in several files by their index, and names the file that lacks one", async () => {
    const data = rows(2, 3);
    const part = (at: number, name: string, shape: number[], values: number[]): string =>
      put(`w-0000${at}-of-00002.safetensors`, writeSafetensors([[name, ndarray(shape, "f32", values)]]));
    const first = part(1, "0.weight", [1, 2], [10, 100]);
    part(2, "0.bias", [1], [7]);
    const index = (places: object) => text("w.safetensors.index.json", JSON.stringify({ weight_map: places }));
    const [one, two] = ["w-00001-of-00002.safetensors", "w-00002-of-00002.safetensors"];
    const out = join(folder, "out.csv");
    expect(await predicted(index({ "0.weight": one, "0.bias": two }), data, out)).toBe(0);
    expect(readFileSync(out, "utf8")).toBe("row,output 0\n1,327\n");
    await expect(predicted(index({ "0.weight": one, "0.bias": one }), data)).rejects.toThrow(
      'w.safetensors.index.json: "0.bias" is not in w-00001-of-00002.safetensors, where it is said to be',
    );
    await expect(predicted(index({ "0.weight": "../x" }), data)).rejects.toThrow(
      "only files beside the model are read",
    );
    await expect(predicted(first, data)).rejects.toThrow(
      `${first} (file 1 of 2 of a net's weights: name the index beside it (.index.json)): weights: "0.bias" [1] is missing`,
    );
    const normed = put("g.safetensors", writeSafetensors([["0.weight_g", ndarray([1, 1], "f32", [1])]]));
    await expect(predicted(normed, data)).rejects.toThrow(
      /g\.safetensors: .* "0.weight_g"; it is one of the parts that w/,
    );
  });

  it("names the file that holds something else, and what that is", async () => {
    const data = rows(0, 1);
    const page = text("page.safetensors", "<!doctype html><title>404</title>");
    await expect(predicted(page, data)).rejects.toThrow(
      "page.safetensors: safetensors: the file holds text, not tensors",
    );
    const pointer = text("large.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n");
    await expect(predicted(pointer, data)).rejects.toThrow(
      "a pointer of Git LFS, not the file itself; fetch that with git lfs pull",
    );
    const broken = text("broken.npz", "PK\u0003\u0004and no more");
    await expect(predicted(weights("u.safetensors", 0), broken)).rejects.toThrow("broken.npz: zip: not a zip archive");
    await expect(summary(net(2, 1, "mse"), broken)).rejects.toThrow("broken.npz: zip: not a zip archive");
    const model = text(
      "typo.json",
      JSON.stringify({ layers: [{ type: "linear", in: 2, out: 1 }], loss: "cross_entropy" }),
    );
    await expect(summary(model, data)).rejects.toThrow('typo.json: model: unknown loss "cross_entropy"; known are');
  });
});

it("import takes the folder of TensorFlow.js, and refuses one without a net by its name", async () => {
  const at = (name: string): string => join(folder, "tfjs", name);
  mkdirSync(at(""));
  const from = (name: string): string =>
    fileURLToPath(new URL(`../../fixtures/keras/with-optimizer/${name}`, import.meta.url));
  const outs = ["--out", join(folder, "o.json"), "--weights-out", join(folder, "o.safetensors")];
  await expect(importNet([at(""), ...outs])).rejects.toThrow("a folder without a config.json or a model.json");
  copyFileSync(from("model.json"), at("model.json"));
  copyFileSync(from("weights.bin"), at("weights.bin"));
  expect(await importNet([at(""), ...outs])).toBe(0);
  expect(JSON.parse(readFileSync(outs[1]!, "utf8")).layers).toHaveLength(3);
});

it("IDX labels may be values, whichever way rows are read; what bytes are divided by is said", async () => {
  const idx = (code: number, shape: readonly number[], bytes: readonly number[]): Uint8Array =>
    Uint8Array.of(0, 0, code, shape.length, ...shape.flatMap((d) => [0, 0, 0, d]), ...bytes);
  const images = put("a-images-idx2", idx(8, [2, 2], [0, 255, 51, 102]));
  const labels = put("a-labels-idx1", idx(0x0d, [2], [0x3f, 0, 0, 0, 0xbf, 0x80, 0, 0]));
  const { line } = await summary(net(2, 1, "mse"), images);
  expect(line).toBe("predicts y (regression) from 2 numbers; 2 rows; values divided by 255");
  const source = (name: string, path: string) => {
    const bytes = new Uint8Array(readFileSync(path));
    return { name, size: bytes.length, read: async (at: number, n: number) => bytes.slice(at, at + n) };
  };
  const open = async () => source("a-labels-idx1", labels);
  const rows = await openRowFile(source("a-images-idx2", images), { open });
  const { x, y } = await rows.read(Uint32Array.of(1, 0));
  expect([[...x.data], y]).toEqual([
    [51 / 255, 102 / 255, 0, 1].map(Math.fround),
    { shape: [2, 1], dtype: "f32", data: Float32Array.of(-1, 0.5) },
  ]);
});
