import { describe, expect, test } from "vitest";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";
import { onnxFile, type TestNode } from "./onnx-file.ts";

/** The file without the model that it carries along, so that its ops are what is read. */
function bare(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes);
  const at = text.indexOf("chainrule.model");
  expect(at).toBeGreaterThan(0);
  return new Uint8Array(Buffer.concat([text.subarray(0, at), Buffer.from("another"), text.subarray(at + 7)]));
}

const kinds: readonly (readonly [string, object])[] = [
  ["lstm", {}],
  ["gru", {}],
  ["rnn", {}],
  ["lstm", { bias: false, bidirectional: true }],
  ["gru", { layers: 2, bidirectional: true }],
  ["rnn", { nonlinearity: "relu", bidirectional: true }],
];

describe("what is written is read back out of its ops", () => {
  test.each(kinds.flatMap((kind, i) => [[...kind, ["lastStep", "meanSteps", null][i % 3]] as const]))(
    "%s %j, %s",
    async (type, more, head) => {
      const width = "bidirectional" in more ? 8 : 4;
      const layers = [
        { type, in: 3, out: 4, ...more },
        ...(head ? [{ type: head }] : []),
        { type: "linear", in: width, out: 2 },
      ];
      const model = parseModel({ input: [5, 3], layers, loss: "mse" });
      const weights = initialise(model, 3);
      const read = readOnnx(bare(writeOnnx(model, weights)), { loss: "mse", keepOutputs: true });
      const types = read.model.layers.map((l) => l.type);
      expect(types.filter((t) => t === type)).toHaveLength("layers" in more ? 2 : 1);
      const rows = [0, 1, 2].map((r) => Array.from({ length: 15 }, (_, i) => Math.sin(r * 15 + i)));
      const [got, wanted] = await Promise.all([
        outputsOf(read.model, read.weights, rows),
        outputsOf(model, weights, rows),
      ]);
      expect(difference(got, wanted)).toBeLessThan(1e-6);
    },
  );
});

/** A file of one recurrence of one unit, as PyTorch writes it. */
const one = (op: string, over: Partial<TestNode> = {}, gates = 4) =>
  onnxFile({
    inputs: [["x", 3, 2]],
    outputs: [["y", 3, 1]],
    nodes: [
      { op: "Transpose", inputs: ["x"], outputs: ["s"], lists: { perm: [1, 0, 2] } },
      { op, inputs: ["s", "w", "r"], outputs: ["o"], ...over, integers: { hidden_size: 1, ...over.integers } },
      { op: "Squeeze", inputs: ["o", "one"], outputs: ["q"] },
      { op: "Transpose", inputs: ["q"], outputs: ["y"], lists: { perm: [1, 0, 2] } },
    ],
    tensors: [
      { name: "w", dims: [1, gates, 2] },
      { name: "r", dims: [1, gates, 1] },
      { name: "state", dims: [1, 1, 1] },
      { name: "one", dims: [1], type: 7, raw: new Uint8Array(BigInt64Array.of(1n).buffer) },
    ],
  });
const options = { loss: "mse", keepOutputs: true } as const;

test("one direction, as PyTorch writes it", () => {
  expect(readOnnx(one("LSTM"), options).model.layers.map((l) => l.type)[0]).toBe("lstm");
  expect(readOnnx(one("GRU", { integers: { linear_before_reset: 1 } }, 3), options).model.layers[0]!.type).toBe("gru");
});

describe("recurrences that no layer here is, refused by name", () => {
  test.each<readonly [string, Partial<TestNode>, RegExp]>([
    ["GRU", {}, /linear_before_reset 0/],
    ["LSTM", { floats: { clip: 1 } }, /clip/],
    ["LSTM", { integers: { input_forget: 1 } }, /input_forget/],
    ["LSTM", { integers: { layout: 1 } }, /layout 1/],
    ["LSTM", { texts: { direction: "reverse" } }, /direction "reverse"/],
    ["LSTM", { texts: { activations: "Relu" } }, /activations "Relu"/],
    ["LSTM", { inputs: ["s", "w", "r", "", "state"] }, /sequence_lens/],
    ["LSTM", { inputs: ["s", "w", "r", "", "", "state"] }, /initial_h/],
    ["LSTM", { inputs: ["s", "w", "r", "", "", "", "state"] }, /initial_c/],
    ["LSTM", { inputs: ["s", "w", "r", "", "", "", "", "state"] }, /peepholes/],
    ["LSTM", { inputs: ["x", "w", "r"] }, /a Transpose with perm 1, 0, 2 must stand before it/],
  ])("%s %j", (op, over, message) => {
    expect(() => readOnnx(one(op, over, op === "GRU" ? 3 : 4), options)).toThrow(message);
  });
});
