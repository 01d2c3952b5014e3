import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { sizeOf } from "../../src/core/ndarray.ts";
import { textPreset } from "../../src/data/text/presets.ts";
import { TEST_SHARE, textRows } from "../../src/data/text/text-data.ts";
import { characterTokenizer } from "../../src/data/text/tokenizer.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { sequencePresets } from "../../src/nn/sequence-presets.ts";
import { shapesOf } from "../../src/nn/shapes.ts";
import { isStepwise } from "../../src/train/generation/step-by-step.ts";
import { writerOf } from "../../src/train/generation/writer.ts";

const folder = new URL("../../public/data/", import.meta.url);
const read = async (file: string) => new Uint8Array(await readFile(new URL(file, folder)));

test.each(Object.entries(sequencePresets))(
  "the preset %s fits its text, and is a model file",
  async (_name, preset) => {
    const { model, data } = preset;
    const { length, count } = writerOf(model);
    const choice = { length, validation: 0, test: TEST_SHARE, tokenizer: characterTokenizer };
    const { tokenizer } = await textRows(await textPreset(data, read), choice);
    expect(count).toBe(tokenizer.size);
    const again = parseModel(JSON.parse(JSON.stringify(model)));
    expect([again.layers, shapesOf(again).shapes]).toEqual([model.layers, shapesOf(model).shapes]);
    expect(isStepwise(model)).toBe(true);
  },
);

test("gpt-tiny has about a hundred thousand parameters, gpt-small three million", () => {
  const count = (name: keyof typeof sequencePresets): number =>
    parameterSpecs(sequencePresets[name].model).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  expect(count("gpt-tiny")).toBe(113_996);
  expect(Math.round(count("gpt-small") / 1e5)).toBe(32);
});
