import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ndarray } from "../../../src/core/ndarray.ts";
import { readKeras } from "../../../src/io/keras/read.ts";
import { importNet } from "../../../src/io/net/import.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

/** Nets of sequences as Keras 3 itself saved them, and what it computes from them. */
interface Saved {
  readonly x?: readonly number[];
  readonly y?: readonly number[];
  /** base64 of a .keras file, in gzip. */
  readonly file: string;
  /** Of model.get_weights(). */
  readonly arrays?: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
}
const saved = JSON.parse(
  readFileSync(new URL("../../fixtures/keras/sequences/sequences.json", import.meta.url), "utf8"),
) as Record<string, Saved>;
const read = (name: string) =>
  importNet(
    { name: `${name}.keras`, bytes: new Uint8Array(gunzipSync(Buffer.from(saved[name]!.file, "base64"))) },
    { loss: "mse", keepOutputs: true },
  );

describe("nets of sequences in Keras's files", () => {
  const computed = Object.keys(saved).filter((name) => saved[name]!.y);

  test.each(computed)("%s predicts what Keras predicts", async (name) => {
    const { x, y } = saved[name] as Required<Saved>;
    const { model, weights } = await read(name);
    const rows = [x.slice(0, x.length / 2), x.slice(x.length / 2)];
    expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
  });

  test("heads of another width than the step's are filled up with zeros, and that is said", async () => {
    const attentionOf = async (name: string) => {
      const { model, notes } = await read(name);
      return [model.layers.find(({ type }) => type === "attention"), notes.join()] as const;
    };
    const [even, none] = await attentionOf("multi-head");
    expect(even).toMatchObject({ size: 8, heads: 2, causal: false });
    expect(none).not.toContain("zeros");
    const [wide, said] = await attentionOf("multi-head-wide");
    expect(wide).toMatchObject({ size: 12, heads: 2, dropout: 0.1 });
    expect(said).toContain("its 2 heads of 6 values over steps of 6 are 2 of 6 over 12 here, filled up with zeros");
    const [narrow] = await attentionOf("multi-head-narrow");
    expect(narrow).toMatchObject({ size: 8, heads: 2, causal: true, bias: false });
  });

  test("attention as Keras 2 calls it, by its arguments' names", async () => {
    const { x, y, arrays } = saved["multi-head-wide"] as Required<Saved>;
    const layer = (className: string, name: string, config: object, from: readonly unknown[]) => ({
      ...{ class_name: className, name, config: { name, ...config }, inbound_nodes: from.length > 0 ? [from] : [] },
    });
    const net = (call: object, config: object = {}) => ({
      class_name: "Functional",
      keras_version: "2.15.0",
      config: {
        layers: [
          layer("InputLayer", "x", { batch_input_shape: [null, 6, 6] }, []),
          layer(
            "MultiHeadAttention",
            "heads",
            { num_heads: 2, key_dim: 6, value_dim: 6, dropout: 0, use_bias: true, attention_axes: [1], ...config },
            [["x", 0, 0, { value: ["x", 0, 0], ...call }]],
          ),
          layer("Add", "sum", {}, [
            ["x", 0, 0, {}],
            ["heads", 0, 0, {}],
          ]),
          layer("LayerNormalization", "norm", { axis: [2], epsilon: 1e-6, center: true, scale: true }, [
            ["sum", 0, 0, {}],
          ]),
          layer("GlobalAveragePooling1D", "mean", { data_format: "channels_last", keepdims: false }, [
            ["norm", 0, 0, {}],
          ]),
          layer("Dense", "dense", { units: 2, activation: "linear", use_bias: true }, [["mean", 0, 0, {}]]),
        ],
        input_layers: [["x", 0, 0]],
        output_layers: [["dense", 0, 0]],
      },
    });
    const given = new Map(arrays.map(({ shape, data }, i) => [`arr_${i}`, ndarray(shape, "f32", data)]));
    const options = { loss: "mse", keepOutputs: true } as const;
    const { model, weights } = readKeras(net({}), given, options);
    const rows = [x.slice(0, x.length / 2), x.slice(x.length / 2)];
    expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
    expect(readKeras(net({ use_causal_mask: true }), given, options).model.layers[1]).toMatchObject({ causal: true });
    const refused = (call: object, config?: object) => expect(() => readKeras(net(call, config), given, options));
    refused({ attention_mask: ["x", 0, 0] }).toThrow(/is called with "attention_mask", a value of its own/);
    refused({ return_attention_scores: true }).toThrow(/is called with return_attention_scores/);
    refused({}, { attention_axes: [2] }).toThrow(/attention_axes \[2\]; here attention is over steps/);
  });

  test("what acts while training alone is left out, and that is said", async () => {
    const { model, notes } = await read("time-distributed");
    expect(model.layers.map(({ type }) => type)).toEqual("linear relu layerNorm gru lastStep linear".split(" "));
    for (const kind of ["SpatialDropout1D", "GaussianNoise"]) {
      expect(notes.join()).toMatch(new RegExp(`\\(${kind}\\) acts while training alone.*left out`));
    }
  });

  test.each([
    ["masked", /\(Embedding\): mask_zero leaves steps of token 0 out/],
    ["backwards", /go_backwards: it goes from the last step to the first alone/],
    ["across", /\(Attention\): queries of one value over another's keys/],
    ["distributed-conv", /\(TimeDistributed\): "Conv1D" for each step; here Dense/],
  ])("%s is refused by name", async (name, message) => {
    await expect(read(name)).rejects.toThrow(message);
  });
});
