import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

/** Files in the forms that exporters write, and what ONNX Runtime computes from them. */
const at = (name: string): URL => new URL(`../../fixtures/onnx/runtime/${name}`, import.meta.url);
const json = (name: string) => JSON.parse(readFileSync(at(name), "utf8"));
const inputs = json("inputs.json") as Record<string, { type: string; shape: number[]; x: number[] }>;
const expected = json("expected.json") as Record<string, { dims: number[]; y: number[] }>;
const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(at(name)));
const types = (model: ModelSpec): string => model.layers.map((l) => l.type).join(" ");

/** What most of them are, and what the others are. */
const MOST = "linear relu linear";
const layers: Readonly<Record<string, string>> = {
  "view-middle": "relu linear relu linear",
  "norm-behind-plain": "linear tanh linear",
  "norm-first": "linear gelu linear",
  // Nothing follows into which batch norm could go.
  "norm-alone": "linear relu linear sigmoid",
  "norm-channels": "linear",
  "scaled-inputs": "linear silu linear",
  "scaled-outputs": "linear silu linear",
  "from-the-left": "linear silu linear",
  "squeeze-last": "linear elu linear",
  "squeeze-13": "linear sigmoid",
  temperature: "linear silu linear softmax",
  "inputs-too": "linear silu linear",
  "layer-norm": "linear layerNorm softplus linear",
  "keras-flatten": "linear relu linear softmax",
  "keras-normalization": "linear relu linear sigmoid",
  moments: "linear layerNorm linear",
  dynamo: "linear silu linear",
  external: "linear silu linear",
  "each/external": "linear silu linear",
  "one-scale": "linear layerNorm linear",
  "sklearn-linear": "linear",
  "opset-20": "linear gelu layerNorm linear",
  "opset-22": "linear relu linear softmax",
  "opset-7": "linear dropout linear softmax",
};

test.each(Object.keys(inputs))("%s.onnx gives the outputs of ONNX Runtime", async (name) => {
  const file = `${name}.onnx`;
  const read = async (path: string): Promise<Uint8Array> => bytes(file.replace(/[^/]*$/, path));
  const { model, weights } = await importNet(
    { name: file, bytes: bytes(file), read },
    { loss: "mse", keepOutputs: true },
  );
  const { type, x } = inputs[name]!;
  const { dims, y } = expected[name]!;
  const size = x.length / 3;
  const rows = Array.from({ length: dims[0]! }, (_, i) => x.slice(i * size, (i + 1) * size));
  const limit = type === "float16" || name.startsWith("halves") ? 3e-3 : 2e-6;
  expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(limit);
  expect(types(model)).toBe(layers[name] ?? MOST);
});
