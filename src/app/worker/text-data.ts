import { rows } from "../../core/ndarray.ts";
import type { Dataset } from "../../data/dataset.ts";
import { textPreset } from "../../data/text/presets.ts";
import { TEST_SHARE, type Text, type TextRows, textRows } from "../../data/text/text-data.ts";
import { byteTokenizer, characterTokenizer, type Tokenizer } from "../../data/text/tokenizer.ts";
import type { Rows } from "../../train/data/row-source.ts";
import type { TextForm } from "../state/settings.ts";
import { keepOwn, readData } from "./session.ts";
import type { OwnInfo, TextSource } from "./types.ts";

/** Windows that are evaluated while a run plays. */
const MOST_TEST = 96;

let tokenizer: Tokenizer | null = null;

/** Of the text that was read last. */
export const tokenizerNow = (): Tokenizer => tokenizer!;

const tokenizers = { bytes: byteTokenizer, characters: characterTokenizer } as const;

/** Reads a text as windows of tokens, holds its end out, keeps it as the run's data and says what it asks of a net. */
export async function takeText(source: TextSource, form: TextForm): Promise<OwnInfo> {
  const own = "text" in source;
  const text: Text = own ? { name: source.name, documents: [source.text] } : await textPreset(source.preset, readData);
  const { length } = form;
  const split = await textRows(text, { length, validation: 0, test: TEST_SHARE, tokenizer: tokenizers[form.tokens] });
  tokenizer = split.tokenizer;
  const { size } = split.tokenizer;
  const dataset = ({ x, y }: Pick<TextRows, "x" | "y">): Dataset => ({
    ...{ name: text.name, x, y },
    ...(text.source ? { source: text.source } : {}),
  });
  const { train } = split;
  const test = split.test!;
  const held = Math.min(MOST_TEST, test.x.shape[0]!);
  const info: OwnInfo = {
    name: text.name,
    rows: train.x.shape[0]! + test.x.shape[0]!,
    inputs: length,
    outputs: length * size,
    loss: "crossEntropy",
    table: null,
    text: {
      ...form,
      preset: own ? null : source.preset,
      vocabulary: size,
      bytesPerToken: train.bytesPerToken,
    },
  };
  const learned: Dataset & Rows = { ...dataset(train), text: train.text };
  keepOwn({ train: learned, test: dataset({ x: rows(test.x, 0, held), y: rows(test.y, 0, held) }) }, info);
  return info;
}
