import { expect, test } from "vitest";
import { checkGradients } from "../../src/check/gradients.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { validateDataset } from "../../src/data/dataset.ts";
import {
  createTrainer,
  embedding,
  flatten,
  initialise,
  linear,
  type ModelSpec,
  parseModel,
  sequential,
} from "../../src/index.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { shapesOf } from "../../src/nn/shapes.ts";
import { matchRows } from "../../src/train/data/match-rows.ts";

/** A class for each of three steps, told by the token there. */
const model: ModelSpec = sequential([embedding(5, 4, { paddingIndex: 0 }), linear(6)], {
  input: [3],
  loss: "crossEntropy",
});
const y = ndarray([2, 3], "i32", [0, 1, 2, 3, 4, 5]);
const rows = (tokens: readonly number[], dtype: "i32" | "f32" | "f64" = "i32") => ({
  x: ndarray([2, 3], dtype, tokens),
  y,
});

test("an embedding reads the input, which is tokens then, and nothing else reads it", () => {
  expect(shapesOf(model)).toMatchObject({
    tokens: { count: 5 },
    shapes: [
      [3, 4],
      [3, 6],
    ],
  });
  const loss = "mse";
  const embed = { type: "embedding", vocabulary: 5, size: 4 };
  const parse =
    (...layers: object[]) =>
    () =>
      parseModel({ input: [3], layers, loss });
  expect(parse({ type: "linear", in: 3, out: 3 }, embed)).toThrow(
    /layer 1 \(embedding\) takes tokens.*"from": "input"/,
  );
  expect(parse(embed, { type: "linear", in: 3, out: 2, from: "input" })).toThrow(
    /layer 1 \(linear\) takes numbers.*tokens, since layer 0 \(embedding\)/,
  );
  expect(parse({ ...embed, paddingIndex: 5 })).toThrow(/"paddingIndex" is 5.*0 to 4/);
  expect(parse({ ...embed, vocabulary: 0 })).toThrow(/"vocabulary"/);
  expect(() => parseModel({ layers: [embed], loss })).toThrow(/"input" is missing/);
  const two = parseModel({
    input: [3],
    layers: [embed, { ...embed, vocabulary: 9, from: "input" }, { type: "add", from: ["0", "1"] }],
    loss,
  });
  expect(shapesOf(two).tokens?.count, "the smaller vocabulary").toBe(5);
});

test("first weights are N(0, 1), and the padding row's are 0", () => {
  const large = sequential([embedding(1000, 10, { paddingIndex: 7 }), flatten(), linear(2)], {
    input: [1],
    loss: "mse",
  });
  const data = [...initialise(large, 3).get("0.weight")!.data];
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  expect(Math.abs(mean)).toBeLessThan(0.04);
  expect(Math.abs(variance - 1)).toBeLessThan(0.06);
  expect(data.slice(70, 80)).toEqual(new Array(10).fill(0));
});

test("tokens come as whole numbers of any type, and one outside the vocabulary is told by its place", () => {
  for (const dtype of ["i32", "f32", "f64"] as const) {
    expect(matchRows(model, rows([0, 1, 2, 3, 4, 0], dtype), "rows").x).toMatchObject({
      dtype: "i32",
      data: Int32Array.of(0, 1, 2, 3, 4, 0),
    });
  }
  const place = /row 1, step 1 is outside the vocabulary of 5: 0 to 4/;
  for (const wrong of [5, -1]) expect(() => matchRows(model, rows([0, 1, 2, 3, wrong, 0]), "rows")).toThrow(place);
  for (const wrong of [0.5, Number.NaN])
    expect(() => matchRows(model, rows([0, 1, 2, 3, wrong, 0], "f32"), "rows")).toThrow(place);
  expect(
    validateDataset({ name: "tokens", ...rows([0, 1, 2, 3, 4, 0]), y: ndarray([2], "i32", [0, 1]) }),
  ).toBeDefined();
});

test("gradients agree with finite differences, and the padding row has none", async () => {
  const { x, y } = randomBatch(model, 7, 1);
  expect(x.dtype).toBe("i32");
  let padded: readonly number[] | null = null;
  const report = await checkGradients({
    model,
    weights: initialise(model, 1),
    x,
    y,
    backend: null,
    onTensor(name, { exact }) {
      if (name === "d 0.weight") padded = [...exact.data.subarray(0, 4)];
    },
  });
  expect(report.pass, report.firstDivergent ?? "").toBe(true);
  expect(x.data.includes(0)).toBe(true);
  expect(padded).toEqual([0, 0, 0, 0]);
});

test("a net learns, evaluates and predicts tokens", async () => {
  const data = {
    x: ndarray(
      [40, 3],
      "i32",
      Int32Array.from({ length: 120 }, (_, i) => (i * 7) % 5),
    ),
    y: ndarray(
      [40, 3],
      "i32",
      Int32Array.from({ length: 120 }, (_, i) => ((i * 7) % 5) + 1),
    ),
  };
  const free = sequential([embedding(5, 4), linear(6)], { input: [3], loss: "crossEntropy" });
  const trainer = await createTrainer({
    model: free,
    data,
    test: data,
    batch: 8,
    optimizer: { type: "adam", lr: 0.05 },
    gpu: null,
  });
  for await (const _ of trainer.run({ steps: 120 }));
  expect((await trainer.evaluate())!.accuracy).toBe(1);
  const outputs = await trainer.predict(ndarray([1, 3], "f64", [2, 0, 4]));
  const best = [0, 1, 2].map((k) => [...outputs.data.subarray(6 * k, 6 * k + 6)]);
  expect(best.map((p) => p.indexOf(Math.max(...p)))).toEqual([3, 1, 5]);
  const { x: dx, parameters } = await trainer.gradients(data.x, data.y);
  expect(dx).toMatchObject({ shape: [40, 3], dtype: "f32" });
  expect(parameters.get("0.weight")!.shape).toEqual([5, 4]);
  await expect(trainer.predict(ndarray([1, 3], "i32", [2, 0, 5]))).rejects.toThrow(/token 5 in row 0, step 2/);
  trainer.dispose();
});
