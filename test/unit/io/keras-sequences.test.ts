import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

/** Nets of sequences as Keras 3 itself saved them, and what it computes from them. */
interface Saved {
  readonly x?: readonly number[];
  readonly y?: readonly number[];
  /** base64 of a .keras file, in gzip. */
  readonly file: string;
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
