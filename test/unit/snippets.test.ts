import { expect, test } from "vitest";
import { commandCode, libraryCode, torchCode } from "../../src/app/code/snippets.ts";
import { hiddenTypes } from "../../src/app/state/net.ts";
import { presetSettings } from "../../src/app/state/net-link.ts";
import { modelOf, OWN, settingsFor } from "../../src/app/state/settings.ts";
import { textNets } from "../../src/app/state/text-nets.ts";
import * as library from "../../src/index.ts";

/** What a snippet's `sequential(...)` makes, by the names that it imports and no others. */
function modelIn(code: string): unknown {
  const names = /^import \{ (.*) \} from "chainrule";$/m.exec(code)![1]!.split(", ");
  const [, call] = /const model = (sequential\([\s\S]*?\n\));/.exec(code)!;
  return new Function(...names, `return ${call}`)(...names.map((name) => Reflect.get(library, name)));
}

test.each([true, false])("the library's snippet makes the net of the page, whatever its layers; bias: %s", (bias) => {
  const wide = [...hiddenTypes].map((type) =>
    type === "linear"
      ? ({ type, out: 5 } as const)
      : type === "dropout"
        ? ({ type, p: 0.25 } as const)
        : ({ type } as const),
  );
  for (const data of ["tutorial", "moons", "digits"]) {
    for (const net of [[], wide, wide.slice(1)]) {
      const settings = { ...settingsFor(data), net, bias };
      const model = modelOf(settings, null);
      expect(modelIn(libraryCode(settings, model))).toEqual(model);
    }
  }
});

test("rows of one's own are read from a file", () => {
  const settings = { ...settingsFor("moons"), data: OWN };
  const code = libraryCode(settings, modelOf(settingsFor("moons"), null));
  expect(code).toContain('await loadDataFile("data.csv", await read("data.csv"))');
  expect(code).not.toContain("dataPreset");
});

test("a text is read as windows of tokens, by the command too", () => {
  const settings = settingsFor("names");
  const model = textNets.lstm!(55, settings.text!.length);
  const whole = { ...settings, graph: { link: "", model } };
  const code = libraryCode(whole, model);
  expect(code).toContain('await textPreset("names", read)');
  expect(code).toContain('import { characterTokenizer, textPreset, textRows } from "chainrule/io";');
  expect(commandCode(whole, model)).toContain("--data names --tokenizer characters");
  expect(libraryCode({ ...whole, data: OWN }, model)).toContain('readText("text.txt", await read("text.txt"))');
});

test("a net of any wiring is a model file in the library, a preset's name in the command, modules in PyTorch", () => {
  const settings = presetSettings("fashion-resnet");
  const model = modelOf(settings, null);
  const code = libraryCode(settings, model);
  const [, text] = /const model = parseModel\((\{[\s\S]*?\n *\})\);/.exec(code)!;
  expect(library.parseModel(JSON.parse(text!))).toEqual(model);
  expect(code).toContain("parseModel } from");
  expect(commandCode(settings, model)).toMatch(/^npx chainrule train fashion-resnet --batch 64 .*\n$/);
  expect(commandCode({ ...settings, graph: { link: ".x", model } }, model)).toContain('"input": [1, 28, 28]');
  const torch = torchCode(settings, model);
  expect(torch).toContain('"stem.0": nn.Conv2d(1, 16, 3, padding=1, bias=False)');
  expect(torch).toContain("model = build()");
  expect(torch.match(/^import torch$/gm)).toHaveLength(1);
});
