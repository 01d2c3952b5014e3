import { readFile } from "node:fs/promises";
import { describe, expect, it, test } from "vitest";
import { textPreset, textPresets } from "../../../src/data/text/presets.ts";
import { readDocuments, readText } from "../../../src/data/text/read-text.ts";
import { textRows } from "../../../src/data/text/text-data.ts";
import { byteTokenizer, characterTokenizer, type Tokenizer } from "../../../src/data/text/tokenizer.ts";
import { tokenizerOf } from "../../../src/data/text/tokenizer-record.ts";
import { bpeFile } from "../../shared/bpe.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const folder = new URL("../../../public/data/", import.meta.url);
const shipped = async (file: string) => new Uint8Array(await readFile(new URL(file, folder)));

/** All of a text, token by token. */
function decoded(tokenizer: Tokenizer, tokens: Int32Array): string[] {
  const decoder = tokenizer.decoder();
  return [...Array.from(tokens, (token) => decoder.push(token)), decoder.end()];
}

describe("readText", () => {
  it("takes UTF-8 with and without its mark, and keeps line ends", () => {
    expect(readText("a.txt", utf8("one\r\n中\n"))).toBe("one\r\n中\n");
    expect(readText("a.txt", utf8("\ufeffone"))).toBe("one");
    expect(readText("a.txt", utf8("one\ufefftwo"))).toBe("one\ufefftwo");
  });

  test.each([
    ["a byte that begins nothing", [0x61, 0x62, 0xff, 0x63], "a.txt: byte 2 is no UTF-8"],
    ["a character that is cut off", [0x61, 0xe4, 0xb8], "a.txt: byte 3 is no UTF-8"],
    ["a character with a wrong second byte", [0x61, 0xe4, 0x41, 0x61], "a.txt: byte 2 is no UTF-8"],
    ["UTF-16", [0xff, 0xfe, 0x61, 0], "a.txt: its first two bytes are the mark of UTF-16: save it as UTF-8"],
    ["nothing", [], "a.txt: there is no text in it"],
    ["the mark alone", [0xef, 0xbb, 0xbf], "a.txt: there is no text in it"],
  ])("refuses %s", (_what, bytes, message) => {
    expect(() => readText("a.txt", Uint8Array.from(bytes))).toThrow(message);
  });
});

describe("readDocuments", () => {
  it("takes a field of each line", () => {
    expect(readDocuments("a.jsonl", utf8('{"text":"a\\nb"}\n\n{"id":1,"text":"中"}\r\n'))).toEqual(["a\nb", "中"]);
    expect(readDocuments("a.jsonl", utf8('{"body":"x"}'), "body")).toEqual(["x"]);
  });

  test.each([
    ['{"text":"a"}\n{"text":', "a.jsonl, line 2: not JSON"],
    ['{"text":"a"}\n["b"]', 'a.jsonl, line 2: an object with a field "text" is needed'],
    ['{"body":"a"}', 'a.jsonl, line 1: no field "text" that would hold the text; there are "body"'],
    ['{"text":5}', 'a.jsonl, line 1: "text" must be text, got 5'],
    ['{"text":"\\ud800"}', 'a.jsonl, line 1: "text" holds half a character'],
    ['{"text":""}', "a.jsonl: there is no text in it"],
    ["\n\n", "a.jsonl: there is no text in it"],
    ['{"__proto__":"a"}', 'a.jsonl, line 1: no field "text"'],
  ])("refuses %s", (text, message) => {
    expect(() => readDocuments("a.jsonl", utf8(text))).toThrow(message);
  });
});

describe("tokenizers", () => {
  const text = "ab, 中😀\n\ufffdthe the";

  it("are bytes, and give characters when their last byte is there", () => {
    const bytes = byteTokenizer();
    expect([...bytes.encode("a中")]).toEqual([97, 0xe4, 0xb8, 0xad]);
    expect(decoded(bytes, bytes.encode("a中"))).toEqual(["a", "", "", "中", ""]);
    expect(decoded(bytes, Int32Array.of(0xe4, 0xb8))).toEqual(["", "", "\ufffd"]);
    expect(decoded(bytes, bytes.encode(text)).join("")).toBe(text);
  });

  it("are characters in the order of their numbers, and one for any other", () => {
    const characters = characterTokenizer("b中a😀");
    expect(characters.size).toBe(5);
    expect([...characters.encode("ab中😀")]).toEqual([0, 1, 2, 3]);
    expect([...characters.encode("ax", { unknown: true })]).toEqual([0, 4]);
    expect(decoded(characters, Int32Array.of(3, 4))).toEqual(["😀", "\ufffd", ""]);
    expect(() => characters.encode("a\nx")).toThrow(
      'character 2, "\\n" (U+000A), is not among the 4 that the net learned from',
    );
  });

  it("are read from a tokenizer.json", async () => {
    const bpe = await tokenizerOf("t", { type: "file", file: bpeFile() });
    expect([bpe.size, bpe.end]).toEqual([260, 259]);
    expect([...bpe.encode("the the x")]).toEqual([257, 258, 32, 120]);
    expect(decoded(bpe, bpe.encode(text)).join("")).toBe(text);
    // A character of several tokens comes with its last.
    expect(decoded(bpe, bpe.encode("a中b"))).toEqual(["a", "", "", "中", "b", ""]);
    const long = "the 中 . 's  the, ".repeat(30);
    expect(decoded(bpe, bpe.encode(long)).join("")).toBe(long);
  });

  it("come back from their records", async () => {
    for (const made of [
      byteTokenizer(),
      characterTokenizer(text),
      await tokenizerOf("t", { type: "file", file: bpeFile() }),
    ]) {
      const again = await tokenizerOf("t", JSON.parse(JSON.stringify(made.record)));
      expect([...again.encode(text)]).toEqual([...made.encode(text)]);
      expect([again.size, again.end]).toEqual([made.size, made.end]);
    }
  });

  test.each([
    ["no object", 5, "t: a tokenizer is an object, got 5"],
    ["another type", { type: "toString" }, 't: a tokenizer\'s "type" is bytes, characters or file, got "toString"'],
    ["a field too many", { type: "bytes", size: 3 }, 't: a tokenizer of bytes has no field "size"'],
    ["characters out of order", { type: "characters", characters: "ba" }, "in the order of their numbers"],
    ["a character twice", { type: "characters", characters: "aa" }, "in the order of their numbers"],
    ["no characters", { type: "characters", characters: "" }, '"characters" must be the text'],
  ])("refuse a record with %s", async (_what, record, message) => {
    await expect(tokenizerOf("t", record)).rejects.toThrow(message);
  });

  const file = bpeFile();
  const { vocab, merges } = file.model;
  test.each([
    ["another model", { ...file, model: { type: "Unigram", vocab: [] } }, 'its model is "Unigram"'],
    ["no model", { version: "1.0" }, 'it has no "model"'],
    ["a number twice", { ...file, model: { vocab: { ...vocab, zz: 5 }, merges } }, "have one number, 5"],
    ["a number left out", { ...file, model: { vocab: { ...vocab, zz: 300 }, merges } }, "no token has the number 260"],
    ["a number that is none", { ...file, model: { vocab: { zz: 1.5 }, merges: [] } }, 'token "zz" has the number 1.5'],
    ["a merge of nothing", { ...file, model: { vocab, merges: ["q q"] } }, 'merge 0 names "qq"'],
    ["a merge of three", { ...file, model: { vocab, merges: ["t h e"] } }, "merge 0 must name two tokens"],
    [
      "a pattern of its own",
      { ...file, pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated" } },
      'cuts by a pattern of its own, "(a+)+$"',
    ],
    ["an unknown part", { ...file, normalizer: { type: "Nmt" } }, 'its normalizer is "Nmt", which is not read'],
    ["a part's unknown field", { ...file, decoder: { type: "Fuse", x: 1 } }, 'has a field "x", which is not read'],
    [
      "a Split that the package cuts otherwise",
      {
        ...file,
        pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithNext", invert: false },
      },
      't: its pre_tokenizer Split is "MergedWithNext"; "Isolated", or inverted "Removed", are read',
    ],
    [
      "unknown tokens made one",
      { ...file, model: { ...(file.model as object), fuse_unk: true } },
      't: its model makes one token of unknown ones side by side ("fuse_unk")',
    ],
    [
      "a token that stands only as a word",
      { ...file, added_tokens: [...(file.added_tokens as object[]).map((token) => ({ ...token, single_word: true }))] },
      "stands only as a word",
    ],
    [
      "a replacement by what was found",
      { ...file, normalizer: { type: "Replace", pattern: { String: "a" }, content: "$&" } },
      't: its normalizer Replace puts "$&"',
    ],
  ])("refuse a tokenizer.json with %s", async (_what, json, message) => {
    await expect(tokenizerOf("t", { type: "file", file: json })).rejects.toThrow(message);
  });
});

describe("textRows", () => {
  const characters = (training: string): Tokenizer => characterTokenizer(training);
  const choice = { length: 4, validation: 0, test: 0.25, tokenizer: characters };

  it("divides by place, and makes windows side by side with what follows", async () => {
    const text = { name: "t", documents: ["abcabcabcabcabcxyzzzz"] };
    const { train, test, validation, tokenizer } = await textRows(text, choice);
    expect(tokenizer.size).toBe(5);
    expect([train.text.shape, train.x.shape, [...train.x.data].join("")]).toEqual([[16], [3, 4], "012012012012"]);
    expect([...train.y.data].join("")).toBe("120120120120");
    // The views and the text are one array.
    expect(train.y.data.buffer).toBe(train.text.data.buffer);
    expect(validation).toBeNull();
    expect([...test!.text.data]).toEqual([4, 4, 4, 4, 4]);
    expect([train.unknown, test!.unknown]).toEqual([0, 5]);
  });

  it("keeps documents whole, with an end behind each where the tokenizer has one", async () => {
    const documents = ["the", "x", "中", "the the"];
    const bpe = await tokenizerOf("t", { type: "file", file: bpeFile() });
    const { train, test } = await textRows({ name: "t", documents }, { ...choice, length: 1, tokenizer: () => bpe });
    expect([...train.text.data]).toEqual([257, 259, 120, 259, 228, 184, 173, 259]);
    expect(train.bytesPerToken).toBe(7 / 8);
    expect([...test!.text.data]).toEqual([257, 258, 259]);
    const bytes = await textRows({ name: "t", documents }, { ...choice, length: 1, tokenizer: byteTokenizer });
    expect(decoded(byteTokenizer(), bytes.train.text.data as Int32Array).join("")).toBe("the\nx\n中");
    expect(bytes.train.bytesPerToken).toBe(1);
  });

  it("does not cut a character of two halves", async () => {
    const { train, test } = await textRows(
      { name: "t", documents: ["😀".repeat(7)] },
      { ...choice, length: 1, test: 0.5 },
    );
    expect([train.text.shape[0], test!.text.shape[0]]).toEqual([4, 3]);
  });

  test.each([
    ["a text shorter than a window", "abcd", 0, "the part to learn from has 4 tokens, and a window needs 4"],
    ["a test part shorter than one", "abcdefghijkl", 0.25, "the part to test has 3 tokens, and a window needs 4"],
    ["too little to divide", "ab", 0.1, "t: too little text to divide: 2 characters"],
  ])("refuses %s", async (_what, text, share, message) => {
    await expect(textRows({ name: "t", documents: [text] }, { ...choice, test: share })).rejects.toThrow(message);
  });
});

describe("texts that are shipped", () => {
  test.each(Object.keys(textPresets))(
    "%s is what its description says, and its licence stands beside it",
    async (name) => {
      const { documents, source } = await textPreset(name, shipped);
      const { description, file } = textPresets[name]!;
      const [text] = documents as [string];
      const parts = name === "tang" ? text.trim().split("\n\n") : text.trim().split("\n");
      const [number] = description.match(/[\d,]+(?= (characters|quatrains|first))/)!;
      expect(Number(number.replaceAll(",", ""))).toBe(name === "persuasion" ? text.length : parts.length);
      if (name !== "persuasion") expect(new Set(parts).size).toBe(parts.length);
      expect(source).toBeTruthy();
      expect(await readFile(new URL("LICENSES.md", folder), "utf8")).toContain(`## ${file}`);
    },
  );

  it("refuses another name", async () => {
    await expect(textPreset("toString", shipped)).rejects.toThrow(
      'no text "toString"; there are persuasion, tang, names',
    );
  });
});
