import { ChainruleError } from "../../core/errors.ts";
import { quote } from "../../core/format.ts";

/** Turns a text into tokens, whole numbers from 0 up to `size`, and back. */
export interface Tokenizer {
  /** How many tokens there are. */
  readonly size: number;
  /** The token behind each document of several; null where there is none, and a line feed stands there. */
  readonly end: number | null;
  /** What it is, for a file beside weights. */
  readonly record: TokenizerRecord;
  /** Tokens of a text. Throws ChainruleError "data" naming what it does not know, unless `unknown` may stand for it. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** Text of tokens as they come: each call gives what is certain by now, and half a character waits for its other half. */
  decoder(): TokenDecoder;
}

/** How a text becomes tokens. */
export interface EncodeOptions {
  /** Whether the unknown token may stand for what the vocabulary lacks, where there is one; an error by default. */
  readonly unknown?: boolean;
}

/** Makes text of tokens, one after the other. */
export interface TokenDecoder {
  /** What is certain now that `token` is there; nothing where it waits for others. */
  push(token: number): string;
  /** What is left, at the end. */
  end(): string;
}

/** A tokenizer as plain data: tokenizer-record.ts makes one of it. */
export type TokenizerRecord =
  | { readonly type: "bytes" }
  | { readonly type: "characters"; readonly characters: string }
  | { readonly type: "file"; readonly file: unknown };

/** Shown for a character that is not in the vocabulary, and for bytes that are no text. */
export const UNKNOWN = "\ufffd";

/** The 256 bytes of UTF-8: every text has tokens, and 中 has three. */
export function byteTokenizer(): Tokenizer {
  return {
    size: 256,
    end: null,
    record: { type: "bytes" },
    encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
    decoder() {
      const decoder = new TextDecoder();
      return {
        push: (token) => decoder.decode(Uint8Array.of(token), { stream: true }),
        end: () => decoder.decode(),
      };
    },
  };
}

/**
 * A token for each character (code point) of `text`, in the order of their numbers, and a last one that stands for any
 * other: texts to be judged on may hold characters that none to learn from had.
 */
export function characterTokenizer(text: string): Tokenizer {
  const found = new Set<number>();
  for (const character of text) found.add(character.codePointAt(0)!);
  const points = [...found].sort((a, b) => a - b);
  return tokenizerOfCharacters(points.map((point) => String.fromCodePoint(point)));
}

/** The same from the characters themselves, in the order of their numbers. */
export function tokenizerOfCharacters(characters: readonly string[]): Tokenizer {
  const indices = new Map(characters.map((character, i) => [character, i]));
  const size = characters.length + 1;
  return {
    size,
    end: null,
    record: { type: "characters", characters: characters.join("") },
    encode(text, { unknown = false } = {}) {
      const tokens = new Int32Array(text.length);
      let at = 0;
      for (const character of text) {
        const token = indices.get(character);
        if (token === undefined && !unknown) {
          const where = `character ${at + 1}, ${quote(character)} (U+${hex(character)})`;
          throw new ChainruleError("data", `${where}, is not among the ${characters.length} that the net learned from`);
        }
        tokens[at++] = token ?? characters.length;
      }
      return tokens.slice(0, at);
    },
    decoder: () => ({ push: (token) => characters[token] ?? UNKNOWN, end: () => "" }),
  };
}

const hex = (character: string): string => character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
