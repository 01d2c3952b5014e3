import { describe, expect, test } from "vitest";
import { checkHealth } from "../../src/check/health.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { uniforms } from "../../src/core/philox.ts";
import { circlesData } from "../../src/data/synthetic.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

const model = parseModel({
  layers: [{ type: "linear", in: 2, out: 6 }, { type: "relu" }, { type: "linear", in: 6, out: 2 }],
  loss: "crossEntropy",
});
const { x, y } = circlesData({ seed: 1, n: 60 });

test("a net with its first weights is well", async () => {
  expect((await checkHealth(model, initialise(model, 1), x, y)).filter((a) => a.kind === "same")).toEqual([]);
});

test("units that never fire are counted", async () => {
  const weights = initialise(model, 1);
  const low = new Float32Array(6).fill(-30);
  low[2] = 30;
  weights.set("0.bias", ndarray([6], "f32", low));
  expect(await checkHealth(model, weights, x, y)).toEqual([{ kind: "dead", tensor: "1.relu", count: 5, of: 6 }]);
});

test("units that begin alike stay alike, and are named", async () => {
  const found = await checkHealth(model, initialise(model, 1, "zeros"), x, y);
  expect(found).toContainEqual({ kind: "same", tensor: "0.weight", count: 6, of: 6 });
});

describe("of a convolution", () => {
  const channels = parseModel({
    input: [1, 4, 4],
    layers: [
      { type: "conv2d", in: 1, out: 3, kernel: 3 },
      { type: "relu" },
      { type: "flatten" },
      { type: "linear", in: 12, out: 2 },
    ],
    loss: "crossEntropy",
  });
  const images = ndarray([5, 16], "f32", uniforms(1, 1, 1, 80));
  const labels = ndarray([5], "i32", Int32Array.of(0, 1, 0, 1, 1));

  test("a unit is a channel with all its places", async () => {
    const weights = initialise(channels, 1);
    weights.set("0.bias", ndarray([3], "f32", Float32Array.of(30, -30, 30)));
    expect(await checkHealth(channels, weights, images, labels)).toEqual([
      { kind: "dead", tensor: "1.relu", count: 1, of: 3 },
    ]);
  });

  test("kernels that begin alike stay alike; of those that differ none is named", async () => {
    const zeros = await checkHealth(channels, initialise(channels, 1, "zeros"), images, labels);
    expect(zeros).toContainEqual({ kind: "same", tensor: "0.weight", count: 3, of: 3 });
    const kinds = (await checkHealth(channels, initialise(channels, 1), images, labels)).map((a) => a.kind);
    expect(kinds).not.toContain("same");
  });
});
