import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One long text, or documents one after the other. */
export interface Text {
  /** What it is called, for people. */
  readonly name: string;
  /** One text, or several that are kept whole. */
  readonly documents: readonly string[];
  /** Origin and licence in one line. */
  readonly source?: string;
}

/** Windows of a text: rows to learn from, whose targets are the tokens behind theirs. */
export interface TextRows {
  /** i32 [n, length], side by side: a view of `text`. */
  readonly x: NdArray;
  /** i32 [n, length], one token further on: a view of the same numbers. */
  readonly y: NdArray;
  /** i32 [tokens]: the whole part, of which training draws windows that begin elsewhere in every epoch. */
  readonly text: NdArray;
  /** Bytes of UTF-8 that a token stands for, in the mean over the part. */
  readonly bytesPerToken: number;
  /** Tokens that stand for what the vocabulary lacks. */
  readonly unknown: number;
}

/** Parts of a text, by place: the first part of it to learn from, what follows to validate, the end to test. */
export interface TextSplit {
  /** What is learned from. */
  readonly train: TextRows;
  /** What choices during training are judged on; null where none was asked for. */
  readonly validation: TextRows | null;
  /** What is held out; null where none was asked for. */
  readonly test: TextRows | null;
  /** What made tokens of it. */
  readonly tokenizer: Tokenizer;
}

/** Share of a text that is held out at its end, unless told otherwise. */
export const TEST_SHARE = 0.1;

/** How a text becomes rows. */
export interface TextChoice {
  /** Tokens of a window. */
  readonly length: number;
  /** Share of the text to validate, behind what is learned from: by characters, or of several documents by documents. */
  readonly validation: number;
  /** Share of the text to test, its end. */
  readonly test: number;
  /** Makes the tokenizer from the text to learn from: characters are those that it has. */
  readonly tokenizer: (training: string) => Tokenizer | Promise<Tokenizer>;
}

/** Most tokens of a text: of more a row's number and place would not fit a cursor. */
const MAX_TOKENS = 2 ** 30;

/**
 * A text as windows of `length` tokens. It is divided by place before it is made tokens, so that nothing is learned from
 * what it is judged on. Throws ChainruleError "data" where a part is shorter than one window and the token behind it.
 */
export async function textRows(text: Text, choice: TextChoice): Promise<TextSplit> {
  const parts = divided(text, choice.validation, choice.test);
  const tokenizer = await choice.tokenizer(parts.train.join("\n"));
  const several = text.documents.length > 1;
  const rows = (documents: readonly string[], what: string, unknown: boolean): TextRows => {
    const encoded = encodeAll(documents, tokenizer, several, unknown);
    return windowsOf(`${text.name}: ${what}`, encoded, tokenizer, choice.length);
  };
  return {
    // Characters of its own are all known; those of a text that was learned before may not be.
    train: rows(parts.train, "the part to learn from", tokenizer.record.type === "characters"),
    validation: parts.validation && rows(parts.validation, "the part to validate", true),
    test: parts.test && rows(parts.test, "the part to test", true),
    tokenizer,
  };
}

type Documents = readonly string[];

/** Documents whole where there are several, else one text by characters. */
function divided({ name, documents }: Text, validation: number, test: number) {
  const shares = [1 - validation - test, validation, test];
  if (!shares.every((share) => share >= 0) || !(shares[0]! > 0))
    throw new ChainruleError(
      "value",
      `parts of a text are shares that leave some to learn from, got ${validation}, ${test}`,
    );
  const one = documents.length === 1;
  const n = one ? documents[0]!.length : documents.length;
  let at = 0;
  let sum = 0;
  const [train, validated, tested] = shares.map((share): Documents | null => {
    const from = at;
    sum += share;
    if (share === 0) return null;
    at = Math.round(sum * n);
    // Not within a character of two halves.
    if (one && at < n && /[\udc00-\udfff]/.test(documents[0]![at]!)) at++;
    return one ? [documents[0]!.slice(from, at)] : documents.slice(from, at);
  });
  for (const part of [train, validated, tested])
    if (part && (part.length === 0 || part.every((d) => d === "")))
      throw new ChainruleError("data", `${name}: too little text to divide: ${n} ${one ? "characters" : "documents"}`);
  return { train: train!, validation: validated ?? null, test: tested ?? null };
}

function windowsOf(what: string, { tokens, bytes }: Encoded, tokenizer: Tokenizer, length: number): TextRows {
  const n = Math.floor((tokens.length - 1) / length);
  if (n < 1) {
    const needs = `a window needs ${length} and the one behind it`;
    throw new ChainruleError(
      "data",
      `${what} has ${tokens.length} tokens, and ${needs}: more text, or a shorter input`,
    );
  }
  if (tokens.length > MAX_TOKENS)
    throw new ChainruleError("data", `${what} has ${tokens.length} tokens, more than the ${MAX_TOKENS} that are taken`);
  const { record, size } = tokenizer;
  const strange = record.type === "characters" ? tokens.reduce((sum, token) => sum + Number(token === size - 1), 0) : 0;
  return {
    x: ndarray([n, length], "i32", tokens.subarray(0, n * length)),
    y: ndarray([n, length], "i32", tokens.subarray(1, n * length + 1)),
    text: ndarray([tokens.length], "i32", tokens),
    bytesPerToken: bytes / tokens.length,
    unknown: strange,
  };
}

interface Encoded {
  readonly tokens: Int32Array;
  /** Of the texts, in UTF-8. */
  readonly bytes: number;
}

/** Tokens of documents one after the other, with the token of an end behind each of several, or a line feed between. */
function encodeAll(documents: Documents, tokenizer: Tokenizer, several: boolean, unknown: boolean): Encoded {
  const { end } = tokenizer;
  const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
  if (!several || end === null) {
    const text = documents.join("\n");
    return { tokens: tokenizer.encode(text, { unknown }), bytes: bytesOf(text) };
  }
  const parts = documents.map((document) => tokenizer.encode(document, { unknown }));
  const tokens = new Int32Array(parts.reduce((sum, part) => sum + part.length + 1, 0));
  let at = 0;
  for (const part of parts) {
    tokens.set(part, at);
    at += part.length;
    tokens[at++] = end;
  }
  return { tokens, bytes: documents.reduce((sum, document) => sum + bytesOf(document), 0) };
}
