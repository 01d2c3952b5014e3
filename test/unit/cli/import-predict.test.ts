import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run as grad } from "../../../src/cli/grad.ts";
import { run as importNet } from "../../../src/cli/import.ts";
import { run as predict } from "../../../src/cli/predict.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { writeNpz } from "../../../src/io/numpy/npz.ts";
import { readSafetensors } from "../../../src/io/safetensors/safetensors.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const x = ndarray([3, 4], "f32", [0.5, -1, 2, 0.3, 1, 1, -1, 0, 0, 0, 0, 0]);
let folder: string;
const at = (name: string): string => join(folder, name);
const printed: string[] = [];
const noted: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-import-predict-"));
  writeFileSync(at("x.npz"), writeNpz([["x", x]]));
  printed.length = 0;
  noted.length = 0;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, "write").mockImplementation((text) => noted.push(String(text)) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const imported = async (file: string, ...flags: string[]): Promise<string> => {
  await importNet([fixture(file), ...flags, "--out", at("m.json"), "--weights-out", at("w.safetensors")]);
  return printed.join("");
};

/** The last column of what is predicted: the second class's probability, or the value. */
async function predicted(): Promise<number[]> {
  printed.length = 0;
  const files = ["--weights", at("w.safetensors"), "--data", at("x.npz"), "--out", "-", "--backend", "reference"];
  await predict([at("m.json"), ...files]);
  const [, ...lines] = printed.join("").trim().split("\n");
  return lines.map((line) => Number(line.split(",").at(-1)));
}

describe("what an imported net predicts is what its own library predicts", () => {
  // Made with ONNX Runtime and TensorFlow.js.
  it.each([
    ["onnx/sig1.onnx", "two classes by one sigmoid output, loss bce", [0.435548, 0.471144, 0.451608]],
    ["onnx/lin1.onnx", "regression of one value, loss mse", [0.583802, 0.39051, 0.440354]],
    [
      "keras/softmax-bce/model.json",
      "2 classes by a softmax of 2 outputs, loss crossEntropy",
      [0.495938, 0.764403, 0.502952],
    ],
    ["keras/with-optimizer/model.json", "2 classes", [0.523926, 0.509589, 0.525333]],
    ["keras/k3_flat_cf.json", "2 classes", [0.007945, 0.251898, 0.34247]],
    // The rest of these by numpy.
    ["keras/k3_norm.json", "2 classes", [0.274968, 0.008324, 0.34247]],
    ["keras/k3_resc.json", "2 classes", [0.342236, 0.343077, 0.34247]],
  ])("%s", async (file, task, wanted) => {
    const arrays = file.includes("k3_") ? ["--weights", fixture(file.replace(".json", ".npz"))] : [];
    expect(await imported(file, ...arrays)).toContain(task);
    const values = await predicted();
    values.forEach((value, i) => {
      expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-6);
    });
  });

  it("and its loss is the one that it was compiled with, label smoothing and all", async () => {
    await imported("keras/k3_labelsm.json", "--weights", fixture("keras/k3_labelsm.npz"));
    expect(noted.join("")).toContain("a label smoothing of 0.2");
    writeFileSync(at("b.npz"), writeNpz([["x", x] as const, ["y", ndarray([3], "i32", [0, 1, 0])] as const]));
    const files = ["--weights", at("w.safetensors"), "--batch", at("b.npz"), "--out", at("g.safetensors")];
    await grad([at("m.json"), ...files, "--backend", "reference"]);
    const loss = readSafetensors(new Uint8Array(readFileSync(at("g.safetensors")))).tensors.get("loss")!;
    expect(Math.abs(loss.data[0]! - 1.737873148873164)).toBeLessThan(1e-6);
  });
});
