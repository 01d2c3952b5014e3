import { expect, test } from "vitest";
import { checkHealth } from "../../src/check/health.ts";
import { ndarray } from "../../src/core/ndarray.ts";
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
