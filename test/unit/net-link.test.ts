import { deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { denseForm } from "../../src/app/state/net-form.ts";
import { formOf, packNet, presetSettings, unpackNet } from "../../src/app/state/net-link.ts";
import { endsOf, imageNets, settingsFor } from "../../src/app/state/settings.ts";
import { fromHash, MAX_LENGTH, MAX_NET, toHash } from "../../src/app/state/url.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { trainingPresets } from "../../src/nn/presets.ts";

const fashion = endsOf("fashion", null);
const packed = (json: unknown): string => `.${deflateRawSync(JSON.stringify(json)).toString("base64url")}`;

test("the page knows every preset with a net of its own, by the data it is for", () => {
  const late = Object.keys(allPresets).filter((name) => !Object.hasOwn(trainingPresets, name));
  expect(imageNets).toEqual(Object.fromEntries(late.map((name) => [name, allPresets[name]!.data])));
});

test("a link names a preset as it is, and holds any other net packed: both come back the same", async () => {
  for (const name of Object.keys(imageNets)) {
    const settings = presetSettings(name);
    const hash = toHash({ room: "train", settings, graph: settings.graph!.link, hidden: [] });
    expect(hash).toContain(`model=${name}`);
    const read = fromHash(hash);
    expect(read.settings).toEqual({ ...settings, graph: null });
    expect(read.graph).toBe(name);
    expect(await unpackNet(name, endsOf(settings.data, null))).toEqual(settings.graph);
  }
  // Typed by hand, a name alone brings the preset's own settings; what the link says goes before them.
  expect(fromHash("#model=fashion-resnet").settings).toEqual({ ...presetSettings("fashion-resnet"), graph: null });
  expect(fromHash("#model=fashion-resnet&lr=0.01").settings.lr).toBe(0.01);
  const { model } = allPresets["fashion-resnet"]!;
  const other = parseModel({
    ...model,
    layers: [{ type: "dropout", p: 0.125 }, ...model.layers.map((l, i) => (i === 0 ? { ...l, from: "0" } : l))],
  });
  const link = await packNet(other);
  expect(link.length).toBeLessThan(1500);
  const hash = toHash({ room: "train", settings: settingsFor("fashion"), graph: link, hidden: [] });
  expect(hash.length).toBeLessThan(MAX_LENGTH);
  expect((await unpackNet(fromHash(hash).graph!, fashion)).model).toEqual(other);
});

test("a link to a net that is broken, huge, of other data or no net says so", async () => {
  const { input, layers } = allPresets["fashion-cnn"]!.model;
  const whole = packed({ input, layers });
  for (const [link, message] of [
    ["lenet", 'is called "lenet", which is no preset\'s name'],
    [".@@", "is damaged (its characters are not base64)"],
    [whole.slice(0, 60), "is damaged"],
    [packed("not a net"), "cannot be trained"],
    [packed({ input, layers: [{ type: "conv9d" }] }), 'unknown type "conv9d"'],
    [packed({ input, layers: [...layers.slice(0, 2), { type: "flatten" }] }), "takes 784 values and gives 12544"],
    [packed({ input, layers, pad: "x".repeat(2 ** 20) }), "unpacks to more than 524288 characters"],
    [
      packed({ input: [3, 32, 32], layers: [{ type: "flatten" }, { type: "linear", in: 3072, out: 10 }] }),
      "does not fit",
    ],
  ] as const) {
    await expect(unpackNet(link, fashion), link.slice(0, 30)).rejects.toThrow(message);
  }
  // Names that no compression finds alike.
  const name = (i: number): string =>
    [1, 2, 3]
      .map((k) =>
        Math.abs(Math.sin(k * i))
          .toString(36)
          .slice(2),
      )
      .join("");
  const names = Array.from({ length: 900 }, (_, i) => ({ type: "relu", name: `n${name(i + 1)}` }));
  const large = parseModel({ layers: [{ type: "linear", in: 4, out: 4 }, ...names], loss: "mse" });
  expect((await packNet(large)).length).toBe(0);
  expect(MAX_NET).toBeLessThan(MAX_LENGTH);
});

test("a chain that the page's own controls can say is theirs; what they have no place for keeps it whole", async () => {
  const dense = trainingPresets.spirals!.model;
  expect(await formOf(dense, { net: [], bias: true }, true)).toEqual({
    net: settingsFor("spirals").net,
    bias: true,
    graph: null,
  });
  const steep = parseModel({
    ...dense,
    layers: dense.layers.map((l, i) => (i === 1 ? { type: "leakyRelu", slope: 0.3 } : l)),
  });
  expect(denseForm(steep, false)).not.toBeNull();
  expect(denseForm(steep, true)).toBeNull();
  const { graph } = await formOf(steep, { net: [], bias: true }, true);
  expect((await unpackNet(graph!.link, endsOf("spirals", null))).model.layers).toEqual(steep.layers);
});
