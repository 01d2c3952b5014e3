import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import type { ImportOptions } from "../../../src/io/net/net-parts.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

/** Layers models of any shape and wiring as TensorFlow.js wrote them, and what it computes from them. */
interface Saved {
  readonly model: unknown;
  /** base64 */
  readonly weights: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}
const at = (name: string): URL => new URL(`../../fixtures/keras/nets/${name}`, import.meta.url);
const saved = JSON.parse(readFileSync(at("tfjs.json"), "utf8")) as Record<string, Saved>;

const read = ({ model, weights }: Saved, options: ImportOptions = { loss: "mse", keepOutputs: true }) =>
  importNet(
    {
      name: "model.json",
      bytes: new TextEncoder().encode(JSON.stringify(model)),
      read: async () => new Uint8Array(Buffer.from(weights, "base64")),
    },
    options,
  );

describe("nets of any shape and wiring that TensorFlow.js wrote", () => {
  test.each(Object.keys(saved))("%s predicts what it predicts there", async (name) => {
    const { x, y } = saved[name]!;
    const { model, weights } = await read(saved[name]!);
    const rows = [x.slice(0, x.length / 2), x.slice(x.length / 2)];
    expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
  });

  const layersOf = async (name: string): Promise<string> =>
    (await read(saved[name]!)).model.layers
      .map(({ type, from }) => (from === undefined ? type : `${type}(${from})`))
      .join(" ");

  // Values move once, at the front: a flatten moves the next layer's weights instead.
  test.each([
    ["lenet", "permute conv2d relu maxPool2d pad conv2d batchNorm tanh flatten linear softmax"],
    ["rescaled-bare", "permute conv2d flatten linear"],
    ["nested", "permute conv2d relu conv2d add(2,3) flatten linear"],
    ["rows-wired", "linear relu linear concat(1,input,2) linear"],
  ])("%s has become these layers", async (name, layers) => {
    expect(await layersOf(name)).toBe(layers);
  });

  test("ends with classes first where they are for crossEntropy, whose softmax is left out", async () => {
    const { model, notes } = await read(saved["class-map"]!, {});
    expect(model.loss).toBe("crossEntropy");
    expect(model.layers.map(({ type }) => type)).toEqual(["permute", "conv2d"]);
    expect(notes.join()).toContain("outputs are classes first");
  });

  test("places that are cropped are taken away", async () => {
    interface Layer {
      readonly name: string;
      readonly class_name: string;
      readonly config: object;
      inbound_nodes: unknown;
    }
    const given = structuredClone(saved["class-map"]!);
    const { layers } = (given.model as { modelTopology: { config: { layers: Layer[] } } }).modelTopology.config;
    const config = {
      name: "crop",
      cropping: [
        [1, 0],
        [0, 0],
      ],
    };
    layers[1]!.inbound_nodes = [[["crop", 0, 0, {}]]];
    layers.splice(1, 0, { name: "crop", class_name: "Cropping2D", config, inbound_nodes: [[["input9", 0, 0, {}]]] });
    const { model, weights } = await read(given);
    expect(model.layers[1]).toMatchObject({
      type: "pad",
      amounts: [
        [-1, 0],
        [0, 0],
      ],
    });
    // Without the image's first line a convolution gives the second line of what it gave.
    const { x, y } = saved["class-map"]!;
    const line = y.slice(y.length / 4, y.length / 2);
    expect(difference(await outputsOf(model, weights, [x.slice(0, x.length / 2)]), line)).toBeLessThan(1e-5);
  });

  test("says in which order rows are, and refuses what would mean something else", async () => {
    const { notes } = await read(saved.lenet!);
    expect(notes).toContain(
      "rows are [8, 7, 2] as in the file, channels last; a permute at the front puts channels first for the layers behind it",
    );
    const changed = (from: RegExp, to: string): Saved => ({
      ...saved["up-and-pad"]!,
      model: JSON.parse(JSON.stringify(saved["up-and-pad"]!.model).replace(from, to)),
    });
    await expect(read(changed(/"nearest"/, '"bilinear"'))).rejects.toThrow("begins bilinear interpolation at the edge");
    await expect(read(changed(/\[null,3,4,2\]/, "[null,null,null,2]"))).rejects.toThrow(
      "the shape of the model's input is [open, open, 2]",
    );
    await expect(read(changed(/"ZeroPadding2D"/, '"Cropping3D"'))).rejects.toThrow("(Cropping3D) is not known here");
  });
});

const stored = JSON.parse(readFileSync(at("hdf5.json"), "utf8")) as Record<string, Pick<Saved, "x" | "y">>;

describe("nets of any shape and wiring in Keras's files", () => {
  test.each(Object.keys(stored))("%s predicts what its layers do", async (name) => {
    const { x, y } = stored[name]!;
    const { model, weights } = await importNet(
      { name, bytes: new Uint8Array(readFileSync(at(name))) },
      { loss: "mse", keepOutputs: true },
    );
    const rows = [x.slice(0, x.length / 2), x.slice(x.length / 2)];
    expect(difference(await outputsOf(model, weights, rows), y)).toBeLessThan(1e-5);
  });
});

const real = JSON.parse(readFileSync(at("saved.json"), "utf8")) as Record<
  string,
  Pick<Saved, "x" | "y"> & { file: string }
>;

describe("models that Keras itself saved", () => {
  const imported = (name: string) =>
    importNet({ name, bytes: new Uint8Array(Buffer.from(real[name]!.file, "base64")) }, { loss: "mse" });

  test.each(Object.keys(real))("%s predicts what it predicts there", async (name) => {
    const { x, y } = real[name]!;
    const { model, weights } = await imported(name);
    expect(
      difference(await outputsOf(model, weights, [x.slice(0, x.length / 2), x.slice(x.length / 2)]), y),
    ).toBeLessThan(1e-5);
  });

  test("numbers that are added and multiplied become part of the layers beside, and random changes of images are left out", async () => {
    expect((await imported("numbers.keras")).model.layers.map(({ type }) => type)).toEqual(["linear", "linear"]);
    const { model, notes } = await imported("augmented.keras");
    expect(model.layers.map(({ type }) => type)).toEqual(["permute", "conv2d", "permute", "flatten"]);
    expect(notes.join()).toContain('"random_flip" (RandomFlip) acts while training alone');
  });
});
