import { describe, expect, test } from "vitest";
import {
  add,
  batchNorm,
  block,
  concat,
  conv2d,
  flatten,
  groupNorm,
  instanceNorm,
  linear,
  type ModelSpec,
  parameterSpecs,
  parseModel,
  prelu,
  relu,
  repeat,
  residual,
  sequential,
} from "../../src/index.ts";
import { customLayer } from "../../src/nn/layers/custom.ts";
import { shapesOf } from "../../src/nn/shapes.ts";

const mse = { loss: "mse" } as const;
const image = (...shape: number[]) => ({ input: shape, loss: "mse" }) as const;
const shapesIn = (model: ModelSpec) => shapesOf(model).shapes;

describe("sequential", () => {
  test("fills in channels and widths from what comes before", () => {
    const model = sequential(
      [conv2d(8, 3), batchNorm(), prelu(8), conv2d(4, 1), groupNorm(2), instanceNorm(), flatten(), linear(5)],
      image(3, 6, 6),
    );
    expect(model.layers.map((l) => ("in" in l ? l.in : "size" in l ? l.size : null))).toEqual([
      3,
      8,
      8,
      8,
      4,
      4,
      null,
      64,
    ]);
    expect(parseModel(JSON.parse(JSON.stringify(model)))).toEqual(model);
  });

  test("a residual adds what came in", () => {
    const model = sequential([linear(4, 4), relu(), residual([linear(4), relu()]), linear(1)], mse);
    expect(model.layers.map(({ type }) => type)).toEqual(["linear", "relu", "linear", "relu", "add", "linear"]);
    expect(shapesOf(model).sources).toEqual([[-1], [0], [1], [2], [3, 1], [4]]);
    const first = sequential([residual([linear(4)]), linear(1)], { ...mse, input: [4] });
    expect(shapesOf(first).sources).toEqual([[-1], [0, -1], [1]]);
  });

  test("a short cut reads what came in too", () => {
    const model = sequential(
      [
        conv2d(4, 3, { padding: 1 }),
        residual([conv2d(8, 3, { padding: 1 })], [conv2d(8, 1), batchNorm()]),
        flatten(),
        linear(1),
      ],
      image(1, 4, 4),
    );
    expect(shapesOf(model).sources).toEqual([[-1], [0], [0], [2], [1, 3], [4], [5]]);
    expect(model.layers[2]).toMatchObject({ type: "conv2d", in: 4, kernel: 1, from: "0" });
  });

  test("blocks name their layers as an nn.Sequential of their name does, and look names up within first", () => {
    const stage = (i: number) =>
      block(`layer${i}`, [{ ...conv2d(4, 3, { padding: 1 }), name: "conv1" }, batchNorm(), add(["conv1", "stem"])]);
    const model = sequential(
      [{ ...conv2d(4, 3, { padding: 1 }), name: "stem" }, repeat(2, (i) => stage(i + 1)), flatten(), linear(1)],
      image(1, 4, 4),
    );
    expect(parameterSpecs(model).map(({ name }) => name)).toEqual([
      "stem.weight",
      "stem.bias",
      "layer1.conv1.weight",
      "layer1.conv1.bias",
      "layer1.1.weight",
      "layer1.1.bias",
      "layer2.conv1.weight",
      "layer2.conv1.bias",
      "layer2.1.weight",
      "layer2.1.bias",
      "8.weight",
      "8.bias",
    ]);
    expect(shapesOf(model).sources).toEqual([[-1], [0], [1], [1, 0], [3], [4], [4, 0], [6], [7]]);
  });

  test("a residual of nothing, and a list that is none, are refused", () => {
    expect(() => sequential([linear(4, 4), residual([])], mse)).toThrow(/a residual needs at least one layer/);
    expect(() => sequential(linear(4, 4) as never, mse)).toThrow(/must be a list of layers/);
  });

  test("code takes part with any shape, and several values", () => {
    const join = customLayer({ name: "join", out: (a, b) => [a[0]! + b[0]!, ...a.slice(1)], build: (g, x) => g && x });
    const model = sequential(
      [
        conv2d(4, 3, { padding: 1 }),
        { ...join, from: ["0", "input"], as: "joined" },
        relu(),
        concat(["joined", "0"]),
        flatten(),
        linear(1),
      ],
      image(2, 4, 4),
    );
    expect(shapesIn(model).slice(0, 4)).toEqual([
      [4, 4, 4],
      [6, 4, 4],
      [6, 4, 4],
      [10, 4, 4],
    ]);
    const picky = customLayer({ name: "picky", in: [3, 4], build: (_g, x) => x });
    expect(() => sequential([picky, linear(1)], { ...mse, input: [2, 4] })).toThrow(
      /layer 0 \(picky\) takes \[3, 4\], but the model's input is \[2, 4\]/,
    );
  });
});
