import { statSync } from "node:fs";
import { basename } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { gunzipIfNeeded } from "../data/gunzip.ts";
import { textPreset, textPresets } from "../data/text/presets.ts";
import { readDocuments, readText } from "../data/text/read-text.ts";
import { TEST_SHARE, type Text, type TextRows, textRows } from "../data/text/text-data.ts";
import { byteTokenizer, characterTokenizer, type Tokenizer } from "../data/text/tokenizer.ts";
import { tokenizerOf } from "../data/text/tokenizer-record.ts";
import { parseJson } from "../io/json/parse.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { shapesOf } from "../nn/shapes.ts";
import { matchData } from "../train/data/match-rows.ts";
import { writerOf } from "../train/generation/writer.ts";
import type { DataFlags } from "./data-flags.ts";
import type { DataSummary } from "./data-summary.ts";
import { readBytes, readShipped } from "./files.ts";
import type { Learned } from "./learned-names.ts";
import type { RunData } from "./run-rows.ts";
import { agreeing, leaveOut } from "./usage.ts";

/** Flags that mean something for a text. */
const OF_TEXT = ["tokenizer", "text-column", "split", "test-fraction"];
/** Largest file that is read: its text, its tokens and their windows are in memory together. */
const MAX_BYTES = 2 ** 28;
/** Largest tokenizer.json. */
const MAX_TOKENIZER = 2 ** 25;

const isFile = (source: string): boolean => /\.(txt|jsonl)(\.gz)?$/i.test(source);

/** Whether a source is a text by its name alone, of which a model says how long windows are. */
export const isTextSource = (source: string): boolean => Object.hasOwn(textPresets, source) || isFile(source);

/** Whether rows are windows of a text: by the name of a preset, or a file that a net which reads tokens takes for one. */
export function isText(source: string, model: ModelSpec, { given }: DataFlags): boolean {
  const preset = Object.hasOwn(textPresets, source);
  const named = given.filter((flag) => flag === "tokenizer" || flag === "text-column");
  if (!preset && !isFile(source) && named.length > 0) {
    const texts = `.txt, .jsonl, ${Object.keys(textPresets).join(", ")}`;
    throw new ChainruleError("usage", `${agreeing(named, "is", "are")} for texts (${texts}), and ${source} is none`);
  }
  if (shapesOf(model).tokens) return preset || isFile(source);
  if (!preset && named.length === 0 && !/\.jsonl(\.gz)?$/i.test(source)) return false;
  throw new ChainruleError(
    "usage",
    `${source} is a text, for nets that begin with an embedding; this one takes numbers, in rows such as a CSV has`,
  );
}

/** A text as a run's rows, divided by place; weights that learned a text go on with the tokens of that. */
export async function textData(
  source: string,
  flags: DataFlags,
  model: ModelSpec,
  learned: Learned | null = null,
): Promise<RunData> {
  const stray = flags.given.filter((flag) => !OF_TEXT.includes(flag));
  if (stray.length > 0) {
    const what = `${agreeing(stray, "means", "mean")} nothing for ${source}, a text`;
    throw new ChainruleError("usage", `${what}: ${leaveOut(stray)}`);
  }
  const { length, count } = writerOf(model);
  const text = await readSource(source, flags.textColumn);
  const divides = flags.given.includes("split") || flags.given.includes("test-fraction");
  const shares = divides ? (flags.split ?? { validation: 0, test: 0 }) : { validation: 0, test: TEST_SHARE };
  const made = await textRows(text, {
    length,
    ...shares,
    tokenizer: learnedTokenizer(flags.tokenizer, count, learned),
  });
  const { tokenizer, train, validation, test } = made;
  if (tokenizer.size !== count) {
    const what = `${text.name} has ${tokenizer.size} tokens (${describe(tokenizer)}), the model's vocabulary is ${count}`;
    throw new ChainruleError("data", `${what}: give embedding and output that number, or take another --tokenizer`);
  }
  const part = (rows: TextRows | null, what: string) => rows && matchData(model, rows, what);
  return {
    train: part(train, "training data")!,
    validation: part(validation, "validation data"),
    test: part(test, "test data"),
    preprocessing: {
      ...{ inputs: length, columns: null, pixelScale: null, scaling: null, classes: null, targets: null },
      tokenizer: tokenizer.record,
    },
    summary: summaryOf(text, made, length),
  };
}

async function readSource(source: string, column: string | undefined): Promise<Text> {
  if (Object.hasOwn(textPresets, source)) {
    if (column !== undefined)
      throw new ChainruleError("usage", `--text-column is for .jsonl, and ${source} is one text`);
    return textPreset(source, readShipped);
  }
  const name = basename(source);
  const size = statSync(source, { throwIfNoEntry: false })?.size ?? 0;
  const fits = (bytes: number): void => {
    if (bytes <= MAX_BYTES) return;
    const most = `${MAX_BYTES / 2 ** 20} MiB that are read into memory`;
    throw new ChainruleError("file", `${source}: a text of ${Math.round(bytes / 2 ** 20)} MiB, more than the ${most}`);
  };
  fits(size);
  const bytes = await gunzipIfNeeded(name, readBytes(source));
  fits(bytes.length);
  if (/\.jsonl(\.gz)?$/i.test(name)) return { name, documents: readDocuments(name, bytes, column) };
  if (column !== undefined) throw new ChainruleError("usage", `--text-column is for .jsonl, and ${name} is one text`);
  return { name, documents: [readText(name, bytes)] };
}

/** Bytes where the model has 256 tokens, else characters, unless a flag says so; or a tokenizer.json. */
function tokenizerFlag(given: string | undefined, count: number): (training: string) => Tokenizer | Promise<Tokenizer> {
  if (given === "bytes" || (given === undefined && count === 256)) return byteTokenizer;
  if (given === "characters" || given === undefined) return characterTokenizer;
  if (!/[./\\]/.test(given))
    throw new ChainruleError("usage", `--tokenizer is bytes, characters or a tokenizer.json, got "${given}"`);
  return () => {
    const json = parseJson(given, readBytes(given), { maxBytes: MAX_TOKENIZER });
    return tokenizerOf(basename(given), { type: "file", file: json });
  };
}

/**
 * The tokenizer of the text that the weights learned, where they did and no flag asks for one of another kind: characters
 * of another text would have other numbers. Throws ChainruleError "usage" where the flag's gives tokens other numbers.
 */
function learnedTokenizer(
  given: string | undefined,
  count: number,
  learned: Learned | null,
): ReturnType<typeof tokenizerFlag> {
  const was = learned?.record.tokenizer;
  const asked = tokenizerFlag(given, count);
  if (!was) return asked;
  if (given === undefined || given === was.type) return () => tokenizerOf(learned.path, was);
  return async (training) => {
    const tokenizer = await asked(training);
    if (JSON.stringify(tokenizer.record) === JSON.stringify(was)) return tokenizer;
    const what = `the weights learned tokens of ${learned.path} (${was.type}), to which --tokenizer ${given} gives other numbers`;
    throw new ChainruleError("usage", `${what}: ${leaveOut(["tokenizer"])}`);
  };
}

const describe = ({ record }: Tokenizer): string =>
  record.type === "characters"
    ? "its characters, and one for any other"
    : record.type === "bytes"
      ? "bytes"
      : "as its file says";

function summaryOf(
  text: Text,
  { tokenizer, ...parts }: Awaited<ReturnType<typeof textRows>>,
  length: number,
): DataSummary {
  const named = (["train", "validation", "test"] as const).flatMap((on) => {
    const rows = parts[on];
    return rows ? [[on, rows] as const] : [];
  });
  const amounts = named.map(
    ([on, rows]) => `${rows.text.shape[0]} to ${on === "train" ? "learn from" : on === "test" ? "test" : "validate"}`,
  );
  const unknown = named.filter(([, rows]) => rows.unknown > 0).map(([on, rows]) => `${rows.unknown} of the ${on} part`);
  const kind = { bytes: "bytes", characters: "characters", file: "tokens" }[tokenizer.record.type];
  return {
    label: ["next token"],
    task: "classification",
    classes: null,
    numbers: [],
    categories: {},
    inputs: length,
    rows: named.reduce((sum, [, rows]) => sum + rows.x.shape[0]!, 0),
    dropped: { rows: 0, missing: {} },
    ignored: [],
    warnings: unknown.map(
      (what) => `${what}'s characters are none that the net learned from: one token stands for all of them`,
    ),
    line: `predicts the next of ${tokenizer.size} ${kind} from ${length} of ${text.name}; ${amounts.join(", ")}`,
    text: {
      vocabulary: tokenizer.size,
      tokens: Object.fromEntries(named.map(([on, rows]) => [on, rows.text.shape[0]!])),
      bytesPerToken: Object.fromEntries(named.map(([on, rows]) => [on, rows.bytesPerToken])),
    },
  };
}
