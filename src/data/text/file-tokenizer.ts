import type { Tokenizer as Encoder } from "@huggingface/tokenizers";
import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { type TokenDecoder, type Tokenizer, UNKNOWN } from "./tokenizer.ts";

/** Most tokens of a vocabulary. */
const MAX_TOKENS = 2 ** 20;
/** Names that the end of a document goes by. */
const ENDS = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<|im_end|>"];

/**
 * Parts of the file that say how a text is cut, and the fields that they may have. A pattern of the file's own is none of
 * them, but for those below: a regular expression from a stranger can run for ever.
 */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  ByteLevel: ["add_prefix_space", "trim_offsets", "use_regex"],
  Metaspace: ["replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"],
  ByteFallback: [],
  Fuse: [],
  NFC: [],
  NFD: [],
  NFKC: [],
  NFKD: [],
  Lowercase: [],
  Prepend: ["prepend"],
  Digits: ["individual_digits"],
  Whitespace: [],
  WhitespaceSplit: [],
  BPEDecoder: ["suffix"],
  Strip: ["content", "start", "stop"],
  Replace: ["pattern", "content"],
  Split: ["pattern", "behavior", "invert"],
  Sequence: ["normalizers", "pretokenizers", "decoders"],
};

/** Patterns of well-known tokenizers: of GPT-2, of Llama 3 and GPT-4, of Qwen 2. */
const PATTERNS = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
];

/** An error of the file, naming it. */
type Wrong = (message: string, cause?: unknown) => ChainruleError;

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A trained tokenizer, from the parsed JSON of a tokenizer.json: byte pair encoding, as most language models have it. The
 * package @huggingface/tokenizers does what it says, loaded only then. Throws ChainruleError "file" naming what of it is
 * wrong, or not read here.
 */
export async function fileTokenizer(name: string, file: unknown): Promise<Tokenizer> {
  const wrong: Wrong = (message, cause) => new ChainruleError("file", `${name}: ${message}`, { cause });
  if (!isPlain(file)) throw wrong(`a tokenizer file is a JSON object, got ${brief(file)}`);
  const { model, added_tokens: added = [] } = file;
  if (!isPlain(model)) throw wrong('it has no "model": a tokenizer.json of Hugging Face is needed');
  if (model.type !== undefined && model.type !== "BPE")
    throw wrong(`its model is ${brief(model.type)}; byte pair encoding ("BPE") is read`);
  const { vocab, merges } = model;
  if (!isPlain(vocab) || !Array.isArray(merges)) throw wrong('a model of BPE has "vocab" and "merges"');
  const texts = requireVocabulary(vocab, added, wrong);
  requireMerges(merges, vocab, wrong);
  for (const part of ["normalizer", "pre_tokenizer", "decoder"]) requirePart(file[part] ?? null, part, wrong);
  requireAlike(model, added as readonly Plain[], wrong);
  const sound = { ...file, post_processor: null, model: { ...model, type: "BPE" } };
  const encoder = await encoderOf(sound, wrong);
  const size = texts.length;
  const end = ENDS.map((content) => texts.indexOf(content)).find((id) => id >= 0) ?? null;
  return {
    size,
    end,
    record: { type: "file", file },
    encode(text, { unknown = false } = {}) {
      const { ids } = encoder.encode(text, { add_special_tokens: false });
      const unk = typeof model.unk_token === "string" ? encoder.token_to_id(model.unk_token) : undefined;
      const strange = ids.findIndex((id) => !Number.isInteger(id) || (!unknown && id === unk));
      if (strange >= 0)
        throw new ChainruleError("data", `the tokenizer of ${name} has no token for what follows ${strange} others`);
      return Int32Array.from(ids);
    },
    decoder: () => decoderOf(encoder),
  };
}

/** Texts by number, none left out. Throws where two have one number, or a number has none. */
function requireVocabulary(vocab: Plain, added: unknown, wrong: Wrong): readonly string[] {
  const texts: string[] = [];
  const entries = Object.entries(vocab);
  if (entries.length === 0 || entries.length > MAX_TOKENS) throw wrong(`a vocabulary has 1 to ${MAX_TOKENS} tokens`);
  const put = (content: unknown, id: unknown): void => {
    if (typeof content !== "string" || content === "") throw wrong(`a token is text, got ${brief(content)}`);
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= MAX_TOKENS)
      throw wrong(`the token ${brief(content)} has the number ${brief(id)}`);
    const known = texts[id as number];
    if (known !== undefined && known !== content)
      throw wrong(`the tokens ${brief(known)} and ${brief(content)} have one number, ${id}`);
    texts[id as number] = content;
  };
  for (const [content, id] of entries) put(content, id);
  if (!Array.isArray(added)) throw wrong('"added_tokens" must be a list');
  for (const token of added) {
    if (!isPlain(token)) throw wrong(`an added token is an object, got ${brief(token)}`);
    put(token.content, token.id);
  }
  for (let id = 0; id < texts.length; id++) if (texts[id] === undefined) throw wrong(`no token has the number ${id}`);
  return texts;
}

/** Each merge joins two tokens to a third. */
function requireMerges(merges: readonly unknown[], vocab: Plain, wrong: Wrong): void {
  for (const [i, merge] of merges.entries()) {
    const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    const two = Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string");
    if (!two) throw wrong(`merge ${i} must name two tokens, got ${brief(merge)}`);
    for (const token of [...(pair as string[]), (pair as string[]).join("")])
      if (!Object.hasOwn(vocab, token)) throw wrong(`merge ${i} names ${brief(token)}, which the vocabulary lacks`);
  }
}

function requirePart(part: unknown, where: string, wrong: Wrong): void {
  if (part === null) return;
  if (!isPlain(part)) throw wrong(`its ${where} must be an object or null, got ${brief(part)}`);
  const { type, ...fields } = part;
  const known = typeof type === "string" && Object.hasOwn(PARTS, type) ? PARTS[type]! : null;
  if (!known)
    throw wrong(`its ${where} is ${brief(type)}, which is not read; known are ${Object.keys(PARTS).join(", ")}`);
  const stray = Object.keys(fields).find((key) => !known.includes(key));
  if (stray !== undefined) throw wrong(`its ${where} ${String(type)} has a field ${brief(stray)}, which is not read`);
  if (type === "Split") requireSplit(fields, where, wrong);
  if (type === "Replace" && String(fields.content).includes("$"))
    throw wrong(`its ${where} Replace puts ${brief(fields.content)}, and a "$" is not read`);
  if ("pattern" in fields) {
    const { pattern } = fields;
    const text = isPlain(pattern) ? (pattern.String ?? pattern.Regex) : null;
    if (typeof text !== "string")
      throw wrong(`its ${where} ${String(type)} has a pattern that is neither a String nor a Regex`);
    if (isPlain(pattern) && pattern.Regex !== undefined && !PATTERNS.includes(text as string))
      throw wrong(
        `its ${where} cuts by a pattern of its own, ${brief(text)}, and those of GPT-2, Llama 3 and Qwen 2 are read`,
      );
  }
  for (const list of [fields.normalizers, fields.pretokenizers, fields.decoders]) {
    if (list === undefined) continue;
    if (!Array.isArray(list) || type !== "Sequence") throw wrong(`its ${where} has a sequence that is no list`);
    for (const one of list) {
      if (isPlain(one) && one.type === "Sequence") throw wrong(`its ${where} has a sequence within a sequence`);
      requirePart(one, where, wrong);
    }
  }
}

/**
 * Settings that the package takes for something else than the library that trains tokenizers, which would give other
 * tokens than the net was taught with (findings/hf-tokenizers-cut-otherwise-than-rust.sh).
 */
function requireAlike(model: Plain, added: readonly Plain[], wrong: Wrong): void {
  if (model.fuse_unk === true && model.byte_fallback !== true)
    throw wrong('its model makes one token of unknown ones side by side ("fuse_unk"), which is not read');
  const word = added.find((token) => token.single_word === true);
  if (word) throw wrong(`the token ${brief(word.content)} stands only as a word ("single_word"), which is not read`);
}

/** A Split that the package cuts as it is meant: see requireAlike. */
function requireSplit({ behavior, invert = false }: Plain, where: string, wrong: Wrong): void {
  const alike = invert === false ? behavior === "Isolated" : invert === true && behavior === "Removed";
  if (!alike)
    throw wrong(
      `its ${where} Split is ${brief(behavior)}${invert === true ? ", inverted" : ""}; "Isolated", or inverted "Removed", are read`,
    );
}

async function encoderOf(file: Plain, wrong: Wrong): Promise<Encoder> {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    return new Tokenizer(file, {});
  } catch (cause) {
    throw wrong(`it cannot be read: ${cause instanceof Error ? cause.message.slice(0, 100) : ""}`, cause);
  }
}

/** Tokens before a new one on which depends how it is written. */
const WINDOW = 8;
/** Most tokens that make up one character: its bytes. */
const MAX_BYTES = 4;

function decoderOf(encoder: Encoder): TokenDecoder {
  let tokens: number[] = [];
  let told = "";
  /** Tokens of a character that lacks others. */
  let waiting = 0;
  const text = (): string =>
    encoder.decode(tokens, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  return {
    push(token) {
      tokens.push(token);
      const all = text();
      if (all.endsWith(UNKNOWN) && ++waiting < MAX_BYTES) return "";
      waiting = 0;
      const more = all.slice(told.length);
      told = all;
      if (tokens.length > 4 * WINDOW) {
        tokens = tokens.slice(-WINDOW);
        told = text();
      }
      return more;
    },
    end: () => text().slice(told.length),
  };
}
