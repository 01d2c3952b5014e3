import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Dataset } from "../../data/dataset.ts";
import { textPreset } from "../../data/text/presets.ts";
import { TEST_SHARE, type Text, type TextRows, textRows } from "../../data/text/text-data.ts";
import { byteTokenizer, characterTokenizer, type Tokenizer } from "../../data/text/tokenizer.ts";
import { tokenizerOf } from "../../data/text/tokenizer-record.ts";
import { parseJson } from "../../io/json/parse.ts";
import type { Rows } from "../../train/data/row-source.ts";
import type { TextForm } from "../state/settings.ts";
import { keepOwn, readData } from "./session.ts";
import type { DroppedFile, OwnInfo, TextSource } from "./types.ts";

/** Windows that are evaluated while a run plays. */
const MOST_TEST = 96;
/** Longest window. */
const MOST_LENGTH = 1024;
/** Largest tokenizer.json. */
const MOST_TOKENIZER = 2 ** 25;

let tokenizer: Tokenizer | null = null;

/** Of the text that was read last. */
export const tokenizerNow = (): Tokenizer => tokenizer!;

/** The user's own. */
let file: { readonly name: string; readonly tokenizer: Tokenizer } | null = null;

const tokenizers = { bytes: byteTokenizer, characters: characterTokenizer, file: () => file!.tokenizer } as const;

/**
 * Reads a text as windows of tokens, holds its end out, keeps it as the run's data and says what it asks of a net. Where
 * there is no room for it, or the tokenizer's file is wrong, all stays as it was.
 */
export async function takeText(source: TextSource, form: TextForm, dropped?: DroppedFile): Promise<OwnInfo> {
  const before = file;
  if (dropped) {
    const json = parseJson(dropped.name, dropped.bytes, { maxBytes: MOST_TOKENIZER });
    file = { name: dropped.name, tokenizer: await tokenizerOf(dropped.name, { type: "file", file: json }) };
  }
  try {
    return await take(source, form);
  } catch (cause) {
    file = before;
    throw cause;
  }
}

async function take(source: TextSource, form: TextForm): Promise<OwnInfo> {
  const own = "documents" in source;
  const text: Text = own ? source : await textPreset(source.preset, readData);
  const { tokens, length } = form;
  const split = await textRows(text, { length, validation: 0, test: TEST_SHARE, tokenizer: tokenizers[tokens] });
  tokenizer = split.tokenizer;
  const { size } = split.tokenizer;
  const dataset = ({ x, y }: Pick<TextRows, "x" | "y">): Dataset => ({
    ...{ name: text.name, x, y },
    ...(text.source ? { source: text.source } : {}),
  });
  const { train } = split;
  const test = split.test!;
  const held = test.x.shape[0]!;
  const info: OwnInfo = {
    name: text.name,
    rows: train.x.shape[0]! + held,
    inputs: length,
    outputs: length * size,
    loss: "crossEntropy",
    table: null,
    text: {
      ...{ tokens, length, held },
      preset: own ? null : source.preset,
      vocabulary: size,
      bytesPerToken: train.bytesPerToken,
      mostLength: Math.min(MOST_LENGTH, test.text.shape[0]! - 1),
      tokenizer: tokens === "file" ? file!.name : null,
      column: own ? source.column : null,
      start: startOf(text),
    },
  };
  const learned: Dataset & Rows = { ...dataset(train), text: train.text };
  keepOwn({ train: learned, test: dataset({ x: spread(test.x), y: spread(test.y) }) }, info);
  return info;
}

/** Characters that it begins with, for a net to go on from. */
const START = 8;
function startOf({ documents }: Text): string {
  const line = /\S[^\r\n]*/.exec(documents.find((document) => document.trim() !== "")!)![0];
  return [...line.slice(0, 2 * START)].slice(0, START).join("");
}

/** As many windows as are evaluated, from all over the part: its beginning alone may be unlike the rest. */
function spread(windows: NdArray): NdArray {
  const [n, length] = windows.shape as [number, number];
  if (n <= MOST_TEST) return windows;
  const some = new Int32Array(MOST_TEST * length);
  for (let i = 0; i < MOST_TEST; i++) {
    const from = Math.floor((i * n) / MOST_TEST) * length;
    some.set(windows.data.subarray(from, from + length) as Int32Array, i * length);
  }
  return ndarray([MOST_TEST, length], "i32", some);
}
