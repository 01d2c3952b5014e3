import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { chainrule as run } from "../shared/command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-graphs-"));
  writeFileSync(join(folder, "net.json"), JSON.stringify(net));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chainrule = (...args: readonly string[]) => run(args, { cwd: folder });
const net = {
  input: [1, 8, 8],
  layers: [
    { type: "conv2d", in: 1, out: 6, kernel: 3, padding: 1, bias: false, name: "stem.conv" },
    { type: "batchNorm", size: 6, name: "stem.norm" },
    { type: "relu", name: "stem" },
    { type: "conv2d", in: 6, out: 6, kernel: 3, padding: 1, groups: 2, name: "block.conv" },
    { type: "add", from: ["stem", "block.conv"] },
    { type: "maxPool2d", kernel: 2 },
    { type: "flatten" },
    { type: "dropout", p: 0.1 },
    { type: "linear", in: 96, out: 10, name: "head" },
  ],
  loss: "crossEntropy",
};
const train = ["train", "net.json", "--data", "digits", "--backend", "cpu", "--lr", "0.01"] as const;

test("a net of any wiring trains, is saved, goes on, predicts and is written for others", async () => {
  const whole = await chainrule(...train, "--steps", "60", "--save", "whole.safetensors", "--json");
  expect(whole, whole.err).toMatchObject({ status: 0 });
  expect(JSON.parse(whole.out).test.accuracy).toBeGreaterThan(0.5);
  const arrays = (file: string) => readSafetensors(new Uint8Array(readFileSync(join(folder, file)))).tensors;
  expect([...arrays("whole.safetensors").keys()]).toEqual([
    "stem.conv.weight",
    "stem.norm.weight",
    "stem.norm.bias",
    "stem.norm.running_mean",
    "stem.norm.running_var",
    "stem.norm.num_batches_tracked",
    "block.conv.weight",
    "block.conv.bias",
    "head.weight",
    "head.bias",
  ]);

  const half = await chainrule(...train, "--steps", "30", "--checkpoint", "run");
  expect(half, half.err).toMatchObject({ status: 0 });
  const rest = await chainrule(...train, "--steps", "60", "--resume", "run", "--save", "rest.safetensors");
  expect(rest, rest.err).toMatchObject({ status: 0 });
  expect(arrays("rest.safetensors")).toEqual(arrays("whole.safetensors"));

  const onnx = await chainrule("export", "net.json", "--to", "onnx", "net.onnx", "--weights", "whole.safetensors");
  expect(onnx, onnx.err).toMatchObject({ status: 0 });
  const back = await chainrule("import", "net.onnx", "--out", "back.json", "--weights-out", "back.safetensors");
  expect(back, back.err).toMatchObject({ status: 0 });
  expect(JSON.parse(readFileSync(join(folder, "back.json"), "utf8")).layers).toMatchObject(net.layers);
  expect(arrays("back.safetensors").get("block.conv.weight")).toEqual(
    arrays("whole.safetensors").get("block.conv.weight"),
  );
});

test("the preset digits-cnn begins to learn, and its gradients are proved", async () => {
  const r = await chainrule("train", "digits-cnn", "--backend", "cpu", "--steps", "80", "--json");
  expect(r, r.err).toMatchObject({ status: 0 });
  expect(JSON.parse(r.out).test.accuracy).toBeGreaterThan(0.85);
  const check = await chainrule("check", "net.json", "--backend", "cpu", "--batch", "2", "--json");
  expect(check, check.err).toMatchObject({ status: 0 });
  const { tensors } = JSON.parse(check.out);
  const names = tensors.map((t: { name: string }) => t.name);
  expect(names).toEqual(expect.arrayContaining(["d stem.conv.weight", "d stem.norm.weight", "d block.conv.weight"]));
});

test("a receipt of one step says how each layer is computed", async () => {
  const options = ["--data", "digits", "--batch", "4", "--backend", "reference", "--out", "receipt", "--json"];
  const r = await chainrule("receipt", "net.json", ...options);
  expect(r, r.err).toMatchObject({ status: 0 });
  expect(JSON.parse(r.out).arrays).toMatchObject({ da0: expect.anything(), W0_new: expect.anything() });
  expect(readFileSync(join(folder, "receipt", "receipt.py"), "utf8")).toContain("a0 = conv(x, W0, ");
});

test("what does not fit is one line and exit status 1 before any work", async () => {
  writeFileSync(
    join(folder, "bad.json"),
    JSON.stringify({ ...net, layers: net.layers.with(4, { type: "add", from: ["stem", "nope"] }) }),
  );
  const r = await chainrule("train", "bad.json", "--data", "digits");
  expect(r.status).toBe(1);
  expect(r.err.trim().split("\n")).toEqual([expect.stringMatching(/layer 4 \(add\): "from" names "nope"/)]);
});
