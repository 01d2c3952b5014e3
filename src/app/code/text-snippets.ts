import { textPresets } from "../../data/text/presets.ts";
import { TEST_SHARE } from "../../data/text/text-data.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { sequencePresets } from "../../nn/sequence-presets.ts";
import { OWN, type Settings, type TextForm } from "../state/settings.ts";
import type { OwnText } from "../worker/types.ts";

/** Settings of a run that learns a text. */
export interface TextSettings extends Settings {
  readonly text: TextForm;
}

export const isOfText = (s: Settings): s is TextSettings => s.text !== undefined;

/** What the file of a text is asked: the field of its documents, null of a plain text; and how it begins. */
export type TextFile = Pick<OwnText, "column" | "start">;
type Column = OwnText["column"];

/** A text as one word of a shell's. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Steps that the snippets take: enough to see it learn. */
export const TEXT_STEPS = 600;
/** What a snippet has the net write, and how surely. */
const TOKENS = 200;
const TEMPERATURE = 0.8;
/** Tokens of the text that it goes on from. */
const PROMPT = 8;

const fileOf = (column: Column): string => (column === null ? "text.txt" : "text.jsonl");

/** What of the two modules a snippet uses. */
export function textImports({ data, text: { tokens } }: TextSettings, { column }: TextFile) {
  const tokenizer = tokens === "file" ? "tokenizerOf" : `${tokens === "bytes" ? "byte" : "character"}Tokenizer`;
  const source = data !== OWN ? "textPreset" : column === null ? "readText" : "readDocuments";
  return { library: ["generate"], io: [tokenizer, source, "textRows"].sort() } as const;
}

/** A text as windows of tokens. */
export function textRowsCode({ data, text: { tokens, length } }: TextSettings, { column }: TextFile): string {
  const file = fileOf(column);
  const text =
    data !== OWN
      ? `await textPreset("${data}", read)`
      : column === null
        ? `{ name: "text", documents: [readText("${file}", await read("${file}"))] }`
        : `{ name: "text", documents: readDocuments("${file}", await read("${file}"), ${JSON.stringify(column)}) }`;
  const tokenizer =
    tokens === "file"
      ? `() => tokenizerOf("tokenizer.json", { type: "file", file })`
      : tokens === "bytes"
        ? "byteTokenizer"
        : "characterTokenizer";
  return `const text = ${text};
${tokens === "file" ? `const file = JSON.parse(new TextDecoder().decode(await read("tokenizer.json")));\n` : ""}const { train: data, test, tokenizer } = await textRows(text, {
  length: ${length},
  validation: 0,
  test: ${TEST_SHARE},
  tokenizer: ${tokenizer},
});`;
}

/** What the net writes behind the beginning of the text. */
export function writeCode({ seed }: Settings): string {
  return `const decoder = tokenizer.decoder();
let written = "";
const prompt = data.text.data.slice(0, ${PROMPT});
for await (const token of generate(trainer, { prompt, tokens: ${TOKENS}, temperature: ${TEMPERATURE}, seed: ${seed} })) {
  written += decoder.push(token);
}
console.log(written + decoder.end());
`;
}

/** The preset that a net is with the settings' text; null where it is none. */
export function presetOf({ data, text }: TextSettings, { layers }: ModelSpec): string | null {
  const said = JSON.stringify(layers);
  const found = Object.entries(sequencePresets).find(
    ([, preset]) =>
      preset.data === data && text.tokens === "characters" && JSON.stringify(preset.model.layers) === said,
  );
  return found?.[0] ?? null;
}

/** Flags of the command that say what is learned, and how it becomes tokens. */
export function textFlags({ data, text: { tokens } }: TextSettings, { column }: TextFile): readonly string[] {
  return [
    `--data ${data === OWN ? fileOf(column) : data}`,
    ...(column === null || column === "text" ? [] : [`--text-column ${quoted(column)}`]),
    `--tokenizer ${tokens === "file" ? "./tokenizer.json" : tokens}`,
  ];
}

/** The command that has the trained net write. */
export const generateCommand = (model: string, { seed }: Settings, { start }: TextFile): string =>
  `npx chainrule generate ${model} --weights weights.safetensors --prompt ${quoted(start)} --tokens ${TOKENS} --temperature ${TEMPERATURE} --seed ${seed}\n`;

/** The text as one array of tokens in PyTorch, the end of it left out, as it is here; and what that imports. */
export function torchTokens({ data, text: { tokens, length } }: TextSettings, { column }: TextFile) {
  const shipped = data !== OWN ? textPresets[data]!.file : null;
  const file = shipped ?? fileOf(column);
  const open = shipped
    ? `gzip.open("${file}", "rt", encoding="utf-8", newline="")`
    : `open("${file}", encoding="utf-8"${column === null ? ', newline=""' : ""})`;
  const read =
    data === OWN && column !== null
      ? `"\\n".join(json.loads(line)[${JSON.stringify(column)}] for line in f if line.strip())`
      : "f.read()";
  const imports = [...(shipped ? ["gzip"] : []), ...(read === "f.read()" ? [] : ["json"])];
  const ids = {
    bytes: "tokens = torch.tensor(list(text.encode()))",
    characters: `ids = {c: i for i, c in enumerate(sorted(set(text)))}
tokens = torch.tensor([ids[c] for c in text])`,
    file: `tokenizer = Tokenizer.from_file("tokenizer.json")
tokens = torch.tensor(tokenizer.encode(text, add_special_tokens=False).ids)`,
  }[tokens];
  const code = `with ${open} as f:${shipped ? "  # in public/data of Chainrule" : ""}
    text = ${read}
text = text[: int(${1 - TEST_SHARE} * len(text) + 0.5)]  # the rest is held out
${ids}
T = ${length}

`;
  const needed = [
    ...imports.map((name) => `import ${name}`),
    ...(tokens === "file" ? ["from tokenizers import Tokenizer"] : []),
  ];
  return { imports: needed.map((line) => `${line}\n`).join(""), code };
}

/** A step's rows there: windows from anywhere in the text, and the tokens behind theirs. */
export const torchWindows = ({ batch }: Settings): string =>
  batch === "full"
    ? `    n = (len(tokens) - 1) // T
    batch_x, batch_y = tokens[: n * T].view(n, T), tokens[1 : n * T + 1].view(n, T)`
    : `    starts = torch.randint(len(tokens) - T, (${batch},))
    batch_x = torch.stack([tokens[s : s + T] for s in starts])
    batch_y = torch.stack([tokens[s + 1 : s + T + 1] for s in starts])`;
