import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { writeNpy } from "../../src/io/numpy/npy.ts";
import { readNpz, writeNpz } from "../../src/io/numpy/npz.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { bin } from "../shared/command.ts";

let folder: string;

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a user would, on the CPU in plain loops. */
function chainrule(...args: readonly string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd: folder }, (error, out, err) => {
      resolve({ status: error ? Number(error.code) : 0, out, err });
    });
  });
}
const on = ["--backend", "reference"];
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-numpy-"));
  const put = (name: string, content: string | Uint8Array): void => writeFileSync(join(folder, name), content);
  put("m.json", JSON.stringify({ layers: [{ type: "linear", in: 3, out: 2 }], loss: "crossEntropy" }));
  const weights = [
    ["0.weight", ndarray([2, 3], "f64", [0.1, -0.2, 0.3, 0.5, 0.25, -0.75])],
    ["0.bias", ndarray([2], "f64", [0.1, -0.1])],
  ] as const;
  const x = ndarray([4, 3], "f32", [1, 2, 3, -1, 0, 1, 0.5, 0.5, 0.5, 2, -2, 1]);
  const y = ndarray([4], "i32", [0, 1, 1, 0]);
  const batch = [["x", x] as const, ["y", y] as const];
  put("w.npz", writeNpz(weights));
  put("w.safetensors", writeSafetensors(weights));
  put("one.json", JSON.stringify({ layers: [{ type: "linear", in: 1, out: 1, bias: false }], loss: "mse" }));
  put("tenth.npz", writeNpz([["0.weight", ndarray([1, 1], "f64", [0.1])]]));
  const point = [1, 0].map((v) => ndarray([1, 1], "f64", [v]));
  put("point.npz", writeNpz(point.map((a, i) => ["xy"[i]!, a] as const)));
  put("b.npz", writeNpz(batch));
  put("b.safetensors", writeSafetensors(batch));
  put("x.npy", writeNpy(x));
  put("y.npy", writeNpy(y));
  // Two images of 1 x 3 pixels and their labels, as MNIST's files are named.
  put("train-images-idx3-ubyte", Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5]));
  put("train-labels-idx1-ubyte", Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 1, 0]));
  put("split.npz", writeNpz(["x_train", "y_train", "x_test", "y_test"].map((n) => [n, n[0] === "x" ? x : y] as const)));
  put("bad.npz", writeNpz(batch).subarray(0, 100));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("grad takes and gives .npz and .safetensors alike", async () => {
  const flags = (kind: string): string[] => ["--weights", `w.${kind}`, "--batch", `b.${kind}`, "--out", `g.${kind}`];
  const [a, b, bad] = await Promise.all([
    chainrule("grad", "m.json", ...flags("npz"), ...on),
    chainrule("grad", "m.json", ...flags("safetensors"), ...on),
    chainrule("grad", "m.json", "--weights", "w.npz", "--batch", "bad.npz", "--out", "g2.npz", ...on),
  ]);
  expect([a.status, b.status, bad.status], a.err + b.err).toEqual([0, 0, 1]);
  const gradients = await readNpz(bytes("g.npz"));
  expect([...gradients.keys()]).toEqual(["loss", "0.weight", "0.bias"]);
  expect(Object.fromEntries(gradients)).toEqual(Object.fromEntries(readSafetensors(bytes("g.safetensors")).tensors));
  expect(bad.err).toContain("zip: not a zip archive, or cut short");
});

test("grad on the CPU has all digits of an F64 file, and writes them", async () => {
  const files = ["--weights", "tenth.npz", "--batch", "point.npz", "--out", "digits.npz"];
  const { status, out, err } = await chainrule("grad", "one.json", ...files, "--backend", "cpu");
  expect(status, err).toBe(0);
  expect(out).toBe("loss 0.010000000000000002; gradients in digits.npz\n");
  const { loss, "0.weight": gradient } = Object.fromEntries(await readNpz(bytes("digits.npz")));
  expect([loss!.data[0], gradient!.data[0]]).toEqual([0.010000000000000002, 0.2]);
});

test("train reads .npy and .npz, and saves .npz", async () => {
  const flags = ["--steps", "3", "--optimizer", "sgd", "--lr", "0.5", "--weights", "w.npz", ...on];
  const [pair, archive] = await Promise.all([
    chainrule("train", "m.json", "--data", "x.npy", "--save", "a.npz", ...flags),
    chainrule("train", "m.json", "--data", "b.npz", "--save", "b.safetensors.npz", ...flags),
  ]);
  expect([pair.status, archive.status], pair.err + archive.err).toEqual([0, 0]);
  const saved = await readNpz(bytes("a.npz"));
  expect([...saved.keys()]).toEqual(["0.weight", "0.bias"]);
  expect(await readNpz(bytes("b.safetensors.npz"))).toEqual(saved);
});

test("train reads a file of a bare name by its content, and the rows that an .npz holds out; predict its test rows", async () => {
  const flags = ["--steps", "3", "--json", ...on];
  const [bare, split, both, absent] = await Promise.all([
    chainrule("train", "m.json", "--data", "train-images-idx3-ubyte", "--save", "bare.npz", ...flags),
    chainrule("train", "m.json", "--data", "split.npz", "--validate-every", "1", ...flags),
    chainrule("train", "m.json", "--data", "split.npz", "--split", "0.5,0.5", ...flags),
    chainrule("train", "m.json", "--data", "train-images", ...flags),
  ]);
  expect([bare.status, split.status, both.status, absent.status], bare.err + split.err).toEqual([0, 0, 2, 2]);
  expect(JSON.parse(readFileSync(join(folder, "bare.npz.json"), "utf8"))).toMatchObject({ inputs: 3, pixelScale: 255 });
  expect(split.out).toContain("test");
  expect(both.err).toContain("split.npz holds test rows of its own: give --split no share for test");
  expect(absent.err).toContain('there is no data preset or file "train-images"; presets are tutorial, xor');
  const predict = ["predict", "m.json", "--weights", "bare.npz", "--out", "-", ...on];
  const images = await chainrule(...predict, "--data", "train-images-idx3-ubyte");
  expect(images.status, images.err).toBe(0);
  expect(images.out.trim().split("\n")).toHaveLength(3);
});

test("receipt and export write what they say", async () => {
  const [receipt, exported] = await Promise.all([
    chainrule("receipt", "m.json", "--data", "b.npz", "--weights", "w.npz", "--out", "new/r", "--json", ...on),
    chainrule("export", "xor", "--to", "pytorch", "p", "--steps", "5", "--json", ...on),
  ]);
  expect([receipt.status, exported.status], receipt.err + exported.err).toEqual([0, 0]);
  const said = JSON.parse(receipt.out) as { loss: number; arrays: Record<string, number[]> };
  const arrays = await readNpz(bytes("new/r/receipt.npz"));
  expect(Object.keys(said.arrays)).toEqual([...arrays.keys()]);
  expect(arrays.get("loss")!.data[0]).toBe(said.loss);
  expect([...arrays.get("W0")!.data]).toEqual([0.1, 0.5, -0.2, 0.25, 0.3, -0.75]);
  expect(readFileSync(join(folder, "new/r/receipt.py"), "utf8")).toContain("a0 = z0 + b0");
  const { files, steps } = JSON.parse(exported.out) as { files: string[]; steps: number };
  expect(readdirSync(join(folder, "p")).sort()).toEqual(files.sort());
  expect(steps).toBe(5);
  expect(readSafetensors(bytes("p/optimizer.safetensors")).metadata).toEqual({ step: "5", skipped: "0" });
});

test.each<[string, string[], string, number]>([
  ["a format that is not known", ["export", "xor", "--to", "tensorflow", "d"], "--to must name a format, one of ", 2],
  ["no folder", ["export", "xor", "--to", "pytorch"], "--to pytorch: where to is missing", 2],
  ["a file for a folder", ["export", "xor", "--to", "pytorch", "m.json"], "cannot make the folder m.json", 1],
  ["a flag of train alone", ["receipt", "xor", "--steps", "4"], "Unknown option '--steps'", 2],
])("%s is refused", async (_, args, message, status) => {
  const result = await chainrule(...args);
  expect(result.err).toContain(message);
  expect(result.status).toBe(status);
});
