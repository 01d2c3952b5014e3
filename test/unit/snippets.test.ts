import { expect, test } from "vitest";
import { commandCode, libraryCode, torchCode } from "../../src/app/code/snippets.ts";
import type { TextFile } from "../../src/app/code/text-snippets.ts";
import { hiddenTypes } from "../../src/app/state/net.ts";
import { presetSettings } from "../../src/app/state/net-link.ts";
import { modelOf, OWN, type Settings, settingsFor } from "../../src/app/state/settings.ts";
import * as library from "../../src/index.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { sequencePresets } from "../../src/nn/sequence-presets.ts";
import { textNets } from "../../src/nn/text-nets.ts";

const shown = (settings: Settings, model: ModelSpec, file: TextFile = { column: null, start: "Once" }) => ({
  ...{ settings, model, file },
});

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
      expect(modelIn(libraryCode(shown(settings, model)))).toEqual(model);
    }
  }
});

test("rows of one's own are read from a file", () => {
  const settings = { ...settingsFor("moons"), data: OWN };
  const code = libraryCode(shown(settings, modelOf(settingsFor("moons"), null)));
  expect(code).toContain('await loadDataFile("data.csv", await read("data.csv"))');
  expect(code).not.toContain("dataPreset");
});

test("a text is read as windows of tokens, in each of the three, from a file of one's own too", () => {
  const settings = settingsFor("names");
  const model = textNets.gru(55, settings.text!.length);
  const whole = { ...settings, graph: { link: "", model } };
  const code = libraryCode(shown(whole, model));
  expect(code).toContain('await textPreset("names", read)');
  expect(code).toContain('import { characterTokenizer, textPreset, textRows } from "chainrule/io";');
  // The page's net for a shipped text is the preset's, whose name says text, tokens and net.
  expect(model).toEqual(sequencePresets.names.model);
  expect(commandCode(shown(whole, model))).toMatch(
    /^npx chainrule train names --batch 32 --optimizer adam --lr 0.005 /,
  );
  const own = { ...whole, data: OWN, text: { tokens: "bytes", length: 16 } } as const;
  const bytes = textNets.gru(256, 16);
  const file = { column: "it's", start: "don't" };
  expect(libraryCode(shown(own, bytes))).toContain('readText("text.txt", await read("text.txt"))');
  expect(libraryCode(shown(own, bytes, file))).toContain(
    'readDocuments("text.jsonl", await read("text.jsonl"), "it\'s")',
  );
  const command = commandCode(shown(own, bytes, file));
  expect(command).toContain(`--data text.jsonl --text-column 'it'\\''s' --tokenizer bytes`);
  expect(command).toContain(`--prompt 'don'\\''t'`);
  expect(torchCode(shown(own, bytes))).toContain("tokens = torch.tensor(list(text.encode()))");
  expect(torchCode(shown(own, bytes))).toContain("class StepLoss");
  expect(torchCode(shown({ ...own, batch: "full" }, bytes))).toContain("tokens[: n * T].view(n, T)");
});

test("a net of any wiring is a model file in the library, a preset's name in the command, modules in PyTorch", () => {
  const settings = presetSettings("fashion-resnet");
  const model = modelOf(settings, null);
  const code = libraryCode(shown(settings, model));
  const [, text] = /const model = parseModel\((\{[\s\S]*?\n *\})\);/.exec(code)!;
  expect(library.parseModel(JSON.parse(text!))).toEqual(model);
  expect(code).toContain("parseModel } from");
  expect(commandCode(shown(settings, model))).toMatch(/^npx chainrule train fashion-resnet --batch 64 .*\n$/);
  expect(commandCode(shown({ ...settings, graph: { link: ".x", model } }, model))).toContain('"input": [1, 28, 28]');
  const torch = torchCode(shown(settings, model));
  expect(torch).toContain('"stem.0": nn.Conv2d(1, 16, 3, padding=1, bias=False)');
  expect(torch).toContain("model = build()");
  expect(torch.match(/^import torch$/gm)).toHaveLength(1);
});
