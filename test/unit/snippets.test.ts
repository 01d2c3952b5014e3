import { expect, test } from "vitest";
import { libraryCode } from "../../src/app/code/snippets.ts";
import { hiddenTypes } from "../../src/app/state/net.ts";
import { modelOf, OWN, settingsFor } from "../../src/app/state/settings.ts";
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
