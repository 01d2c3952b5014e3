import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import { outputsOf } from "../../shared/outputs.ts";

/** A recurrence as TensorFlow.js saved it; keras-nets.test.ts holds what it predicts. */
interface Saved {
  // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, which is altered here
  readonly model: any;
  readonly weights: string;
}
const saved = JSON.parse(
  readFileSync(new URL("../../fixtures/keras/nets/tfjs.json", import.meta.url), "utf8"),
) as Record<string, Saved>;

const read = (model: unknown, weights: Uint8Array) =>
  importNet(
    { name: "model.json", bytes: new TextEncoder().encode(JSON.stringify(model)), read: async () => weights },
    { loss: "mse", keepOutputs: true },
  );

/** The net with the config of its layer of a class changed. */
function altered(name: string, className: string, change: Record<string, unknown>) {
  const { model, weights } = structuredClone(saved[name]!);
  const layers = model.modelTopology.config.layers as { class_name: string; config: object }[];
  Object.assign(layers.find((layer) => layer.class_name === className)!.config, change);
  return read(model, new Uint8Array(Buffer.from(weights, "base64")));
}

describe("recurrences that no layer here is, refused by name", () => {
  test.each<readonly [string, string, Record<string, unknown>, RegExp]>([
    ["lstm", "LSTM", { go_backwards: true }, /go_backwards/],
    ["lstm", "LSTM", { stateful: true }, /stateful/],
    ["lstm", "LSTM", { return_state: true }, /return_state/],
    ["lstm", "LSTM", { activation: "relu" }, /activation "relu"; here tanh/],
    ["lstm", "LSTM", { recurrent_activation: "hard_sigmoid" }, /recurrent_activation "hard_sigmoid"; here sigmoid/],
    ["both-ways", "Bidirectional", { merge_mode: "max" }, /merge_mode "max"; here concat, sum, mul, ave/],
  ])("%s %s %j", async (name, className, change, message) => {
    await expect(altered(name, className, change)).rejects.toThrow(message);
  });

  test("dropout within a recurrence is left out, and said", async () => {
    const { notes } = await altered("lstm", "LSTM", { recurrent_dropout: 0.25 });
    expect(notes.join()).toMatch(/recurrent_dropout within a recurrence/);
  });
});

/** A GRU of one unit over two steps of one value, as Keras writes it: gates z r h, two biases. */
const gruOf = (resetAfter: boolean) => ({
  format: "layers-model",
  modelTopology: {
    keras_version: "2.13.1",
    model_config: {
      class_name: "Sequential",
      config: {
        name: "net",
        layers: [
          { class_name: "InputLayer", config: { batch_input_shape: [null, 2, 1], dtype: "float32", name: "x" } },
          {
            class_name: "GRU",
            config: {
              ...{ name: "gru", units: 1, activation: "tanh", recurrent_activation: "sigmoid", use_bias: true },
              ...{ return_sequences: true, reset_after: resetAfter },
            },
          },
        ],
      },
    },
  },
  weightsManifest: [
    {
      paths: ["w.bin"],
      weights: [
        { name: "gru/gru_cell/kernel", shape: [1, 3], dtype: "float32" },
        { name: "gru/gru_cell/recurrent_kernel", shape: [1, 3], dtype: "float32" },
        { name: "gru/gru_cell/bias", shape: [2, 3], dtype: "float32" },
      ],
    },
  ],
});
const gruWeights = Float32Array.of(0.5, -0.25, 0.75, 1.5, -1, 0.5, 0.125, 0.25, -0.5, 0.375, -0.125, 1);

test("a GRU's gates z r h become r z n, and the reset gate acts behind the product and its bias", async () => {
  const { model, weights } = await read(gruOf(true), new Uint8Array(gruWeights.buffer));
  expect(model.layers.map(({ type }) => type).slice(0, 1)).toEqual(["gru"]);
  const [k, u, b, c] = [0, 3, 6, 9].map((from) => gruWeights.subarray(from, from + 3));
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  let h = 0;
  const expected = [0.5, -1].map((x) => {
    const sum = (g: number): readonly [number, number] => [x * k![g]! + b![g]!, h * u![g]! + c![g]!];
    const [z, r] = [0, 1].map((g) => sigmoid(sum(g)[0] + sum(g)[1]));
    const n = Math.tanh(sum(2)[0] + r! * sum(2)[1]);
    h = z! * h + (1 - z!) * n;
    return h;
  });
  const got = await outputsOf(model, weights, [[0.5, -1]]);
  for (const [i, v] of expected.entries()) expect(got[i]).toBeCloseTo(v, 6);
});

test("one whose reset gate acts before the product is refused by name", async () => {
  await expect(read(gruOf(false), new Uint8Array(gruWeights.buffer))).rejects.toThrow(/reset_after false/);
});
