import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Message } from "../../src/io/onnx/protobuf.ts";
import { ENTRY, TENSOR } from "../../src/io/onnx/schema.ts";
import { writeOnnx } from "../../src/io/onnx/write.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { studio } from "../shared/page.ts";
import { onnxFile, type TestTensor } from "../unit/io/onnx-file.ts";

const s = studio();
const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(bytes) });
const fixture = (name: string) => file(name, readFileSync(new URL(`../fixtures/keras/${name}`, import.meta.url)));

/** Two inputs and classes, as moons has: a net whose first loss is known, since it says one class with certainty. */
const model = parseModel({
  layers: [
    { type: "linear", in: 2, out: 5 },
    { type: "elu", alpha: 0.5 },
    { type: "linear", in: 5, out: 2 },
  ],
  loss: "crossEntropy",
});
const weights = initialise(model, 1, "zeros");
weights.get("2.bias")!.data.set([20, 0]);

/** A net for moons that normalises its inputs, with its arrays in another file. */
const shapes = { mean: [2], w: [2, 5], b: [5], v: [5, 2], c: [2] };
let offset = 0;
const tensors = Object.entries(shapes).map(([name, dims]): TestTensor => {
  const told = { location: "pair.onnx.data", offset: String(offset) };
  offset += 4 * dims.reduce((a, b) => a * b);
  const more = (message: Message): void => {
    message.integer(TENSOR.dataLocation, 1);
    for (const [key, value] of Object.entries(told)) {
      message.message(TENSOR.externalData, new Message().text(ENTRY.key, key).text(ENTRY.value, value));
    }
  };
  return { name, dims, raw: new Uint8Array(0), more };
});
const nodes = [
  { op: "Sub", inputs: ["x", "mean"], outputs: ["centred"], name: "centre" },
  { op: "Gemm", inputs: ["centred", "w", "b"], outputs: ["h"] },
  { op: "Tanh", inputs: ["h"], outputs: ["t"] },
  { op: "Gemm", inputs: ["t", "v", "c"], outputs: ["y"] },
];
const pair = file("pair.onnx", onnxFile({ nodes, tensors }));
const data = file("pair.onnx.data", new Uint8Array(new Float32Array(offset / 4).fill(0.5).buffer));

test("a dropped net trains from its weights on; another's data, an unknown layer or a damaged file leaves it there", async () => {
  await s.open("data=moons&device=cpu&net=7-tanh");
  await s.trained(5);
  expect(await s.text("#drop, [data-drop], .drop")).toContain(".onnx with its .onnx.data");
  await s.page.setInputFiles("#file", file("mine.onnx", writeOnnx(model, weights)));
  await s.page.waitForFunction(() => location.hash.includes("net=5-elu"));
  await s.page.waitForSelector("#net-from");
  expect(await s.text("#net-from")).toBe("begins from the weights of mine.onnx");
  // Half of the rows are of the other class, each at a loss of 20; a drawn net begins near log 2.
  await s.paused();
  await s.page.click("#reset");
  await s.page.click("#step");
  await s.page.waitForFunction(() => document.querySelector("#step-count")?.textContent === "1");
  expect(Number(await s.text("#loss"))).toBeGreaterThan(5);

  for (const [files, message] of [
    [
      [fixture("tfjs.json"), fixture("tfjs-1of2.bin"), fixture("tfjs-2of2.bin")],
      "takes 4 values and gives 3, but this data has 2",
    ],
    [[fixture("tfjs.json"), fixture("tfjs-1of2.bin")], "needs tfjs-2of2.bin: drop both together"],
    [[pair], "needs pair.onnx.data: drop both together"],
    [[pair, file("pair.onnx.data", new Uint8Array(20))], "which has 20 bytes: the two files do not belong together"],
    [
      [file("net.onnx", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1"))],
      "a pointer of Git LFS",
    ],
    [[file("group1-shard1of1.bin", new Uint8Array(8))], "of TensorFlow.js give its model.json"],
    [[file("bad.onnx", writeOnnx(model, weights).subarray(0, 100))], "cut short"],
  ] as const) {
    await s.page.setInputFiles("#file", [...files]);
    await s.page.locator("#problem", { hasText: message }).waitFor();
    expect(s.page.url()).toContain("net=5-elu");
    expect(await s.text("#net-from")).toContain("mine.onnx");
  }
  await s.page.setInputFiles("#file", [data, pair]);
  await s.page.waitForFunction(() => location.hash.includes("net=5-tanh"));
  await s.page.locator("#net-from", { hasText: "pair.onnx" }).waitFor();
  expect(await s.text("#net-from")).toContain('folded into the layers beside: node "centre" (Sub)');
  // Two classes by one output are as many outputs here.
  const sigmoid = onnxFile({
    nodes: [
      { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["h"] },
      { op: "Relu", inputs: ["h"], outputs: ["r"] },
      { op: "Gemm", inputs: ["r", "v", "c"], outputs: ["z"] },
      { op: "Sigmoid", inputs: ["z"], outputs: ["y"] },
    ],
    tensors: [
      { name: "w", dims: [2, 3], floats: [1, 2, 3, 4, 5, 6] },
      { name: "b", dims: [3], floats: [0, 0, 0] },
      { name: "v", dims: [3, 1], floats: [1, 2, 3] },
      { name: "c", dims: [1], floats: [1] },
    ],
  });
  await s.page.setInputFiles("#file", file("sigmoid.onnx", sigmoid));
  await s.page.locator("#net-from", { hasText: "sigmoid.onnx" }).waitFor();
  expect(await s.text("#net-from")).toContain("the logit of the second class, stands beside a 0");
  expect(s.page.url()).toContain("net=3-relu");
  await s.page.setInputFiles("#file", [data, pair]);
  await s.page.locator("#net-from", { hasText: "pair.onnx" }).waitFor();
  // A net that is changed is another net.
  await s.page.fill("#width-0", "6");
  await s.page.press("#width-0", "Enter");
  await s.page.waitForSelector("#net-from", { state: "detached" });
});

test("dropped weights of PyTorch become the present net's, other names only when that is said to be meant", async () => {
  const saved = (name: string) => file(name, readFileSync(new URL(`../fixtures/state-dict/${name}`, import.meta.url)));
  /** The loss of the first step from the weights that the net has now. */
  const firstLoss = async (from: string): Promise<string | null> => {
    await s.page.locator("#net-from", { hasText: from }).waitFor();
    await s.paused();
    await s.page.click("#reset");
    await s.page.click("#step");
    await s.page.waitForFunction(() => document.querySelector("#step-count")?.textContent === "1");
    return s.text("#loss");
  };
  await s.open("data=iris&device=cpu&net=5-relu-norm");
  await s.trained(5);
  await s.page.setInputFiles("#file", saved("ddp.pt"));
  const loss = await firstLoss('begins from the weights of ddp.pt; "module." before every name is taken off');
  await s.page.setInputFiles("#file", saved("named.pt"));
  await s.page.locator("#weights-part", { hasText: "fc1.weight as 0.weight" }).waitFor();
  expect(await s.text("#net-from")).toContain("ddp.pt");
  await s.page.click("#weights-take");
  expect(await firstLoss("begins from the weights of named.pt; by order and shape")).toBe(loss);
  expect(await s.page.locator("#weights-part").count()).toBe(0);
  for (const [name, message] of [
    ["views.pt", '"1.weight"'],
    ["whole.pt", "torch.save(model.state_dict()"],
  ] as const) {
    await s.page.setInputFiles("#file", saved(name));
    await s.page.locator("#problem", { hasText: message }).waitFor();
    expect(await s.text("#net-from")).toContain("named.pt");
  }
});
