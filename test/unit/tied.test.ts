import { expect, test } from "vitest";
import { ndarray } from "../../src/core/ndarray.ts";
import { embedding, initialise, linear, parameterSpecs, parseModel, sequential, tiedLinear } from "../../src/index.ts";
import { readOnnx } from "../../src/io/onnx/read.ts";
import { writeOnnx } from "../../src/io/onnx/write.ts";
import { modelPy } from "../../src/io/pytorch/model-script.ts";
import { weightsOf, weightTensors } from "../../src/io/weights/weights.ts";

const model = sequential(
  [embedding(6, 3, { name: "tokens" }), linear(3), tiedLinear("tokens", 3, 6, { name: "head" })],
  {
    input: [4],
    loss: "crossEntropy",
  },
);

test("a head shares its embedding's weight: one parameter, of the embedding's name", () => {
  expect(parameterSpecs(model).map(({ name }) => name)).toEqual(["tokens.weight", "1.weight", "1.bias"]);
  expect(modelPy(model)).toContain('v["head"] = F.linear(v["1"], self.at("tokens").weight)');
});

test.each([
  [{ to: "nowhere" }, /layer 2 \(tiedLinear\) takes the weight \[6, 3\] of "nowhere", which is no embedding before it/],
  [{ to: "1" }, /of "1", which is no embedding/],
  [{ out: 7 }, /takes the weight \[7, 3\] of "tokens", which has \[6, 3\]/],
  [{ to: 0 }, /"to" must be the name/],
  [{ in: 4 }, /takes the weight \[6, 4\]/],
])("%j is refused by name", (change, message) => {
  const layers = model.layers.map((layer, i) => (i === 2 ? { ...layer, ...change } : layer));
  expect(() => parseModel({ ...model, layers })).toThrow(message);
});

test("a state_dict that has the weight under both names is read where they are equal", () => {
  const weights = initialise(model, 1);
  const stored = new Map(weightTensors(model, weights));
  const tokens = stored.get("tokens.weight")!;
  const both = new Map([...stored, ["head.weight", tokens]]);
  expect(weightsOf(both, model)).toEqual(weights);
  both.delete("tokens.weight");
  expect(weightsOf(both, model).get("tokens.weight")).toEqual(weights.get("tokens.weight"));
  const other = ndarray(
    [6, 3],
    "f32",
    tokens.data.map((v, i) => (i === 4 ? v + 1 : v)),
  );
  expect(() => weightsOf(new Map([...stored, ["head.weight", other]]), model)).toThrow(
    /"head.weight" and "tokens.weight" are one parameter here, and differ/,
  );
});

test("as ONNX it takes int64 tokens, and comes back as the same model", () => {
  const weights = initialise(model, 2);
  const bytes = writeOnnx(model, weights);
  const back = readOnnx(bytes);
  expect(back.model).toEqual(model);
  expect(back.weights).toEqual(weights);
  // elem_type: int64, then the shape, a batch of any size and four steps.
  expect(Buffer.from(bytes).includes(Buffer.from([0x08, 7, 0x12, 0x0d, 0x0a, 7, 0x12, 5]))).toBe(true);
});
