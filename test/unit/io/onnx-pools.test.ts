import { describe, expect, test } from "vitest";
import { fromTensor, numbersOf, scalarOf } from "../../../src/io/onnx/constants.ts";
import { readModel } from "../../../src/io/onnx/graph.ts";
import { readOnnx } from "../../../src/io/onnx/read.ts";
import { writeOnnx } from "../../../src/io/onnx/write.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { outputsOf } from "../../shared/outputs.ts";

/** As a file of somebody else's is read: without the model that Chainrule adds. */
function foreign(bytes: Uint8Array) {
  const at = Buffer.from(bytes).lastIndexOf("chainrule.model");
  return readOnnx(bytes.with(at, 0x78), { loss: "mse" });
}

const constant = (bytes: Uint8Array, name: string) => fromTensor(readModel(bytes).initializers.get(name)!);
const rows = [Array.from({ length: 30 }, (_, i) => Math.sin(7 * i) - 0.8)];
const netOf = (...layers: readonly object[]) =>
  parseModel({ input: [1, 5, 6], layers: [{ type: "conv2d", in: 1, out: 1, kernel: 1 }, ...layers], loss: "mse" });

describe("a pool with ceil is written by what it pads", () => {
  const mean = { type: "avgPool2d", ceil: true };
  const most = { type: "maxPool2d", ceil: true };
  test.each<[layer: object, what: string, pads: number[], more: object, around?: number[]]>([
    // A window that would begin in the padding is none, by whatever a runtime counts.
    [{ ...most, kernel: 2, padding: 1 }, "MaxPool", [1, 1, 0, 1], { ceil_mode: 0 }],
    [{ ...most, kernel: 3, stride: 2 }, "MaxPool", [0, 0, 0, 1], { ceil_mode: 0 }],
    // More padding than a kernel has elements is refused by runtimes.
    [{ ...most, kernel: 2, stride: 4, dilation: 3 }, "MaxPool", [0, 0, 0, 0], { ceil_mode: 1 }],
    [{ ...mean, kernel: 3, stride: 4, padding: 1 }, "AveragePool", [1, 1, 1, 0], { count_include_pad: 1 }],
    // Beyond the padding nothing counts.
    [{ ...mean, kernel: 4, stride: 3 }, "AveragePool", [0, 0, 2, 1], { count_include_pad: 0 }],
    [{ ...mean, kernel: 3, padding: 1, countPadding: false }, "AveragePool", [1, 1, 0, 2], { count_include_pad: 0 }],
    [
      { ...mean, kernel: 3, padding: 1 },
      "AveragePool",
      [0, 0, 0, 1],
      { ceil_mode: 0, count_include_pad: 0 },
      [0, 0, 1, 1, 0, 0, 0, 1],
    ],
  ])("%o", async (layer, what, pads, more, around) => {
    const model = netOf(layer);
    const weights = initialise(model, 3);
    const bytes = writeOnnx(model, weights);
    const { nodes } = readModel(bytes);
    const pool = nodes.at(-1)!;
    expect(nodes.length).toBe(around ? 3 : 2);
    expect(pool.op).toBe(what);
    expect(Object.fromEntries(pool.attributes)).toMatchObject({ pads, ...more });
    if (around) expect(numbersOf(constant(bytes, nodes[1]!.inputs[1]!))).toEqual(around);
    const back = foreign(bytes);
    expect(await outputsOf(back.model, back.weights, rows)).toEqual(await outputsOf(model, weights, rows));
  });
});

test("zeros around what a max pool reads are no zeros that an optimiser knows, and are read back as such", async () => {
  const model = netOf({ type: "pad", amounts: 1 }, { type: "dropout", p: 0.5 }, { type: "maxPool2d", kernel: 2 });
  const weights = initialise(model, 3);
  const bytes = writeOnnx(model, weights);
  const { nodes } = readModel(bytes);
  expect(scalarOf(constant(bytes, nodes[1]!.inputs[2]!))).toBe(2 ** -149);
  const back = foreign(bytes);
  expect(back.model.layers[1]).toMatchObject({ type: "pad", mode: "zeros" });
  expect(await outputsOf(back.model, back.weights, rows)).toEqual(await outputsOf(model, weights, rows));

  const mean = netOf({ type: "pad", amounts: 1 }, { type: "avgPool2d", kernel: 2 });
  expect(readModel(writeOnnx(mean, initialise(mean, 3))).nodes[1]!.inputs.length).toBe(2);
});
