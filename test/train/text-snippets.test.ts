import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandCode, libraryCode, type Shown, torchCode } from "../../src/app/code/snippets.ts";
import type { TextFile } from "../../src/app/code/text-snippets.ts";
import { OWN, type Settings, settingsFor } from "../../src/app/state/settings.ts";
import { textNets } from "../../src/nn/text-nets.ts";
import { bpeFile } from "../shared/bpe.ts";
import { bin } from "../shared/command.ts";
import { root, runIn, runProgram } from "../shared/program.ts";
import { pythonHere } from "../shared/python.ts";
import { times } from "../shared/thorough.ts";

/** As they stand, but for the steps: of as few as tell that it learns. */
const STEPS = 40;
const fewer = (code: string): string => code.replace(/(steps: |--steps |range\()600/, `$1${STEPS}`);

const folder = mkdtempSync(join(tmpdir(), "chainrule-texts-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A net of the page's for a text of so many tokens. */
function shown(
  settings: Settings,
  vocabulary: number,
  net: keyof typeof textNets,
  file: Partial<TextFile> = {},
): Shown {
  const model = textNets[net](vocabulary, settings.text!.length);
  return { settings: { ...settings, graph: { link: "", model } }, model, file: { column: null, start: "Ma", ...file } };
}

const own = (tokens: "characters" | "bytes" | "file", length: number): Settings => ({
  ...settingsFor("names"),
  data: OWN,
  text: { tokens, length },
});
const poem = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n".repeat(40);
/** Their quotes are put to the test too. */
const documents = Array.from({ length: 60 }, (_, i) => `it's the ${i % 7}th of the month, isn't it?`);
const files: Readonly<Record<string, string | Uint8Array>> = {
  "text.txt": poem,
  "text.jsonl": documents.map((body) => `${JSON.stringify({ body })}\n`).join(""),
  "tokenizer.json": JSON.stringify(bpeFile()),
  "names.txt.gz": readFileSync(join(root, "public/data/names.txt.gz")),
};
for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);

const ofNames = shown(settingsFor("names"), 55, "gru");
const ofPoem = shown(own("bytes", 24), 256, "transformer", { start: "春眠" });
const ofDocuments = shown(own("file", 16), 260, "lstm", { column: "body", start: documents[0]!.slice(0, 8) });

/** Runs the library's snippet; what a page fetches lies beside it, or in the data that is shipped. */
async function runLibrary(s: Shown, name: string): Promise<string> {
  const shipped = JSON.stringify(join(root, "public/"));
  const fetched = `import { readFileSync } from "node:fs";
globalThis.fetch = async (file) => new Response(readFileSync(file.startsWith("data/") ? ${shipped} + file : file));\n`;
  const { status, out, err } = await runProgram(`${fetched}${fewer(libraryCode(s))}process.exit(0);\n`, folder, name);
  expect(status, err).toBe(0);
  return out;
}

test("the library's snippet learns a text and writes", async () => {
  const all = [
    [ofDocuments, 260],
    [ofNames, 55],
    [ofPoem, 256],
  ] as const;
  for (const [i, [s, vocabulary]] of all.slice(0, times(1, 3)).entries()) {
    const out = await runLibrary(s, `library${i}.mts`);
    const said = /loss: ([\d.]+).*WebAssembly.*\n([\s\S]*)$/.exec(out) ?? [];
    expect(Number(said[1]), out).toBeLessThan(0.9 * Math.log(vocabulary));
    expect([...(said[2] ?? "")].length, out).toBeGreaterThan(60);
  }
});

test("the command's learns a text and writes, as they stand in a shell", async () => {
  const sh = async (s: Shown) => {
    const code = fewer(commandCode(s)).replaceAll("npx chainrule", `"${process.execPath}" "${bin}"`);
    return runIn(folder, "sh", ["-ec", code]);
  };
  const { status, out, err } = await sh(ofDocuments);
  expect(status, err).toBe(0);
  expect(out).toContain("it's the");
  if (times(0, 1) === 1) expect((await sh(ofPoem)).status).toBe(0);
});

test(`PyTorch's is the same net on the same tokens (${pythonHere().text})`, async () => {
  const { command, present, torch } = pythonHere();
  for (const [i, s] of [ofNames, ofPoem, ofDocuments].entries()) {
    writeFileSync(join(folder, `torch${i}.py`), fewer(torchCode(s)));
  }
  const run = async (...args: string[]): Promise<string> => {
    const { status, out, err } = await runIn(folder, command, ["-W", "ignore", ...args]);
    expect(status, err).toBe(0);
    return out;
  };
  if (!present) return;
  await run("-m", "py_compile", "torch1.py", "torch2.py");
  if (torch) for (let i = 0; i < times(1, 2); i++) expect(await run(`torch${i}.py`)).toMatch(/^0 [\d.]+$/m);
  else await run("-m", "py_compile", "torch0.py");
});
