import { expect, test } from "vitest";
import {
  changeType,
  type Draft,
  draftOf,
  fromOf,
  insertLayer,
  judge,
  moveLayer,
  removeLayer,
  setField,
  shownValue,
  typedValue,
} from "../../src/app/net/draft.ts";
import { endsOf } from "../../src/app/state/settings.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { fieldsOf, newLayerOf } from "../../src/nn/layers/field-list.ts";
import { lateLayers } from "../../src/nn/layers/late.ts";
import { layerTypeOf, layerTypes } from "../../src/nn/layers/registry.ts";
import { parseModel } from "../../src/nn/parse-model.ts";

const digits = endsOf("digits", null);
const cnn = allPresets["digits-cnn"]!.model;
const fieldsAt = (draft: Draft, i: number) => draft.layers[i]!.fields;

test("every type's fields are those that it reads, and a new layer of any type fits a value that it can take", () => {
  expect(lateLayers.length).toBeGreaterThan(20);
  for (const name of layerTypes) {
    const type = layerTypeOf(name)!;
    // It stands behind an embedding alone: tied.test.ts.
    if (name === "tiedLinear") continue;
    const steps = /^(lstm|gru|rnn|lastStep|meanSteps|attention|positionEmbedding)$/.test(name);
    const dims = steps || /1d$/.test(name) ? [4, 6] : [4, 6, 6];
    const layer = {
      ...newLayerOf(type, dims),
      ...(type.several ? { from: ["input", "0"] } : {}),
      ...(name === "linear" ? { in: 6 } : {}),
    };
    const model = { input: dims, layers: [{ type: "relu" }, layer, { type: "linear", in: 99, out: 1 }], loss: "mse" };
    // The last layer does not fit, but the one before it does: the complaint is not of layer 1.
    expect(
      () =>
        parseModel({ ...model, layers: [{ type: "relu" }, { ...type.fill?.({}, dims), ...layer }, model.layers[2]] }),
      name,
    ).toThrow("layer 2");
    const known = fieldsOf(type).map((f) => f.name);
    for (const key of Object.keys(layer)) if (key !== "type" && key !== "from") expect(known, name).toContain(key);
  }
  expect(fieldsOf(layerTypeOf("conv2d")!).map((f) => f.name)).toEqual([
    "in",
    "out",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "groups",
    "bias",
  ]);
  expect(fieldsOf(layerTypeOf("upsample")!).find((f) => f.name === "mode")).toMatchObject({
    kind: "word",
    words: ["nearest", "bilinear"],
  });
  expect(fieldsOf(layerTypeOf("batchNorm")!).find((f) => f.name === "affine")?.kind).toBe("flag");
});

test("a model becomes a draft and is the same model again; widths follow what is before", () => {
  for (const name of ["digits-cnn", "fashion-resnet"]) {
    const { model, data } = allPresets[name]!;
    const judged = judge(draftOf(model), endsOf(data, null));
    expect(judged.wrong).toBeNull();
    expect(judged.model).toEqual(model);
  }
  const wider = setField(draftOf(cnn), 0, "out", 24);
  const { model } = judge(wider, digits);
  expect(model?.layers[2]).toMatchObject({ type: "conv2d", in: 24, out: 32 });
});

test("what is wrong is said at its layer, those before it keep their shapes, and nothing is lost", () => {
  const draft = draftOf(cnn);
  const broken = setField(draft, 2, "kernel", 99);
  const judged = judge(broken, digits);
  expect(judged.model).toBeNull();
  expect(judged.wrong?.at).toBe(2);
  expect(judged.wrong?.message).toContain("layer 2 (conv2d)");
  expect(judged.sound?.shapes).toEqual([
    [16, 8, 8],
    [16, 8, 8],
  ]);
  expect(judge(setField(broken, 2, "kernel", 3), digits).model).toEqual(cnn);
  // The net as a whole: not what the data asks for.
  const outputs = judge(setField(draft, draft.layers.length - 1, "out", 7), digits);
  expect(outputs.wrong).toMatchObject({ at: null });
  expect(outputs.wrong?.message).toContain("gives 7, but this data has 64 and asks for 10");
  expect(judge({ ...draft, input: "eight" }, digits).wrong).not.toBeNull();
  expect(judge({ ...draft, layers: [] }, digits).wrong).not.toBeNull();
  expect(judge(setField(draft, 0, "in", "many"), digits).wrong?.at).toBe(0);
});

test("layers come, go and move, and from keeps its meaning", () => {
  const plain = draftOf(
    parseModel({
      input: [2, 4, 4],
      layers: [
        { type: "conv2d", in: 2, out: 2, kernel: 3, padding: 1 },
        { type: "relu" },
        { type: "conv2d", in: 2, out: 2, kernel: 3, padding: 1, name: "deep" },
        { type: "add", from: ["1", "deep"] },
        { type: "flatten" },
        { type: "linear", in: 32, out: 3 },
      ],
      loss: "crossEntropy",
    }),
  );
  const ends = { inputs: 32, outputs: 3, loss: "crossEntropy" } as const;
  const more = insertLayer(plain, 0, "batchNorm", [2, 4, 4]);
  expect(fieldsAt(more, 4).from).toEqual(["2", "deep"]);
  expect(judge(more, ends).wrong).toBeNull();
  expect(fieldsAt(removeLayer(more, 0), 3).from).toEqual(["1", "deep"]);
  // What a layer that goes had read takes its place.
  expect(fieldsAt(removeLayer(plain, 1), 2).from).toEqual(["0", "deep"]);
  expect(fieldsAt(removeLayer(plain, 2), 2).from).toEqual(["1", "1"]);
  expect(fieldsAt(moveLayer(plain, 0, 1), 3).from).toEqual(["0", "deep"]);
  expect(fieldsAt(setField(plain, 2, "name", "inner"), 3).from).toEqual(["1", "inner"]);
  expect(fieldsAt(insertLayer(plain, 3, "concat", [2, 4, 4]), 3)).toMatchObject({
    type: "concat",
    from: ["1", "deep"],
  });
  expect(fieldsAt(changeType(plain, 0, "convTranspose2d", [2, 4, 4]), 0)).toMatchObject({
    out: 2,
    kernel: 3,
    stride: 1,
  });
  expect(judge(changeType(plain, 1, "tanh", [2, 4, 4]), ends).wrong).toBeNull();
});

test("values are typed as they are written in a model file, brackets or not", () => {
  for (const [text, value] of [
    ["", undefined],
    ["3", 3],
    ["3, 5", [3, 5]],
    ["[3]", [3]],
    ["same", "same"],
    ["null", null],
    [
      "[[1, 2], [3, 4]]",
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ] as const) {
    expect(typedValue(text)).toEqual(value);
    expect(typedValue(shownValue(value))).toEqual(text === "[3]" ? 3 : value);
  }
  expect(fromOf("a, b")).toEqual(["a", "b"]);
  expect(fromOf("a")).toBe("a");
  expect(fromOf(" ")).toBeUndefined();
});
