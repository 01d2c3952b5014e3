import { describe, expect, test } from "vitest";
import type { NdArray } from "../../../src/core/ndarray.ts";
import { readModel } from "../../../src/io/onnx/graph.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { weightsOf } from "../../../src/io/weights/weights.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { type TorchArray, table, toArray } from "../../shared/torch.ts";

interface GraphCase {
  readonly name: string;
  readonly model: unknown;
  readonly weights: Readonly<Record<string, TorchArray>>;
}

const counters = (weights: ReadonlyMap<string, NdArray>): string[] =>
  [...weights.keys()].filter((name) => name.endsWith("num_batches_tracked"));

describe("nets of any shape and wiring in ONNX", () => {
  test.each(table<GraphCase>("graphs"))("come back whole: $name", (c) => {
    const model = parseModel(c.model);
    const arrays = new Map(Object.entries(c.weights).map(([name, a]) => [name, toArray(a)]));
    const weights = weightsOf(arrays, model);
    // Evaluation does not read how many batches were counted, so the file has no place for it.
    for (const name of counters(weights)) weights.delete(name);
    const bytes = writeOnnx(model, weights);
    const { inputs } = readModel(bytes);
    expect(inputs).toEqual([{ name: "input", elementType: 1, dims: [null, ...model.input!] }]);
    const back = readOnnx(bytes);
    // Of a chain of dense layers the metadata is compared with what the graph itself says.
    expect(back.weights).toEqual(weights);
    expect(back.model.layers).toEqual(model.layers);
  });

  const model = parseModel({
    input: [1, 6, 6],
    layers: [
      { type: "conv2d", in: 1, out: 2, kernel: 3, padding: "same", dilation: 2, name: "a" },
      { type: "batchNorm", size: 2, name: "b" },
      { type: "add", from: ["a", "b"] },
      { type: "flatten" },
      { type: "linear", in: 72, out: 2 },
    ],
    loss: "crossEntropy",
  });

  test("write paddings out, and say what each node reads", () => {
    const { nodes } = readModel(writeOnnx(model, initialise(model, 1)));
    expect(nodes.map(({ op, inputs }) => [op, inputs])).toEqual([
      ["Conv", ["input", "a.weight", "a.bias"]],
      ["BatchNormalization", ["a.output", "b.weight", "b.bias", "b.running_mean", "b.running_var"]],
      ["Add", ["a.output", "b.output"]],
      ["Flatten", ["2.output"]],
      ["Gemm", ["3.output", "4.weight", "4.bias"]],
    ]);
  });

  test("whose graph is no longer that of the metadata are not taken for it", () => {
    const bytes = writeOnnx(model, initialise(model, 1));
    const at = Buffer.from(bytes).indexOf("dilations");
    expect(() => readOnnx(bytes.with(at, 0x78))).toThrow("its weight takes 72 values, but it is given 128");
  });
});
