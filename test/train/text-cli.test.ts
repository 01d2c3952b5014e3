import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run as generate } from "../../src/cli/generate.ts";
import { run as predict } from "../../src/cli/predict.ts";
import { trainPlan } from "../../src/cli/train-plan.ts";
import { bpeFile } from "../shared/bpe.ts";
import { chainrule } from "../shared/command.ts";

let folder: string;
const at = (name: string): string => join(folder, name);
const sentence = "the cat sat on the mat, the dog lay on the log.\n";
/** A net that sees one token: an embedding and a head. */
const net = (vocabulary: number, input = 8) => ({
  input: [input],
  layers: [
    { type: "embedding", vocabulary, size: 16 },
    { type: "linear", in: 16, out: vocabulary },
  ],
  loss: "crossEntropy",
});
/** The sentence has 17 characters. */
const COUNT = new Set(sentence).size + 1;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-text-"));
  const write = (name: string, what: unknown): void =>
    writeFileSync(at(name), typeof what === "string" || what instanceof Uint8Array ? what : JSON.stringify(what));
  write("cat.txt", sentence.repeat(20));
  write("cat.txt.gz", gzipSync(sentence.repeat(20)));
  write("docs.jsonl", Array.from({ length: 20 }, () => JSON.stringify({ text: "the cat", body: "b" })).join("\n"));
  write("short.txt", "the cat");
  write("broken.txt", Uint8Array.of(0x61, 0xff));
  write("t.json", bpeFile());
  write("net.json", net(COUNT));
  write("bytes.json", net(256));
  write("bpe.json", net(260, 4));
  write("numbers.json", { layers: [{ type: "linear", in: 2, out: 2 }], loss: "crossEntropy" });
  write("classes.json", {
    input: [8],
    layers: [
      { type: "embedding", vocabulary: COUNT, size: 2 },
      { type: "flatten" },
      { type: "linear", in: 16, out: 3 },
    ],
    loss: "crossEntropy",
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

test("train and generate: bits per byte beside the loss, and the text again with the same seed", async () => {
  const save = ["--save", at("w.safetensors"), "--log", at("log.jsonl"), "--seed", "3"];
  const settings = ["--steps", "120", "--lr", "0.05", "--backend", "cpu"];
  const trained = await chainrule(["train", at("net.json"), "--data", at("cat.txt"), ...settings, ...save, "--json"]);
  expect(trained.err).toContain(
    `predicts the next of ${COUNT} characters from 8 of cat.txt; 864 to learn from, 96 to test`,
  );
  expect(trained.status, trained.err).toBe(0);
  const { train, test: tested, data } = JSON.parse(trained.out);
  expect(train.loss).toBeLessThan(1.2);
  expect(tested.perplexity).toBeCloseTo(Math.exp(tested.loss), 10);
  expect(tested.bitsPerByte).toBeCloseTo(tested.loss / Math.LN2, 10);
  expect(data.text).toEqual({
    vocabulary: COUNT,
    tokens: { train: 864, test: 96 },
    bytesPerToken: { train: 1, test: 1 },
  });
  const evaluations = readFileSync(at("log.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.includes("evaluation"));
  expect(JSON.parse(evaluations.at(-1)!)).toHaveProperty("bitsPerByte");
  const write = (more: readonly string[]) =>
    chainrule([
      "generate",
      at("net.json"),
      "--weights",
      at("w.safetensors"),
      "--prompt",
      "the",
      "--tokens",
      "30",
      ...more,
    ]);
  const [one, two] = [await write(["--seed", "5"]), await write(["--seed", "5", "--json"])];
  expect([one.status, two.status], one.err).toEqual([0, 0]);
  const { prompt, text, tokens } = JSON.parse(two.out);
  expect(one.out).toBe(`${prompt}${text}\n`);
  expect([prompt, text.length, tokens.length]).toEqual(["the", 30, 30]);
  // What is likely behind each character of the sentence is in it.
  for (const pair of ["th", "he"]) expect(`${prompt}${text}`).toContain(pair);
});

describe("what is refused before any work", () => {
  const refused = async (args: readonly string[], message: string): Promise<void> => {
    await expect(trainPlan([at(args[0]!), "--data", ...args.slice(1)])).rejects.toThrow(message);
  };

  test.each([
    [["net.json", "short.txt"], "short.txt: the part to learn from has 6 tokens, and a window needs 8"],
    [["net.json", "broken.txt"], "broken.txt: byte 1 is no UTF-8"],
    [
      ["bpe.json", "cat.txt"],
      `cat.txt has ${COUNT} tokens (its characters, and one for any other), the model's vocabulary is 260`,
    ],
    [
      ["net.json", "cat.txt", "--tokenizer", "bytes"],
      `cat.txt has 256 tokens (bytes), the model's vocabulary is ${COUNT}`,
    ],
    [["net.json", "cat.txt", "--tokenizer", "words"], "--tokenizer is bytes, characters or a tokenizer.json"],
    [["net.json", "cat.txt", "--label", "y"], "--label means nothing for"],
    [["net.json", "cat.txt", "--label", "y", "--no-header"], "--label, --no-header mean nothing for"],
    [["net.json", "cat.txt", "--text-column", "t"], "--text-column is for .jsonl"],
    [
      ["net.json", "docs.jsonl", "--text-column", "t"],
      'docs.jsonl, line 1: no field "t" that would hold the text; there are "text", "body"',
    ],
    [["net.json", "x.npz", "--tokenizer", "bytes"], "--tokenizer is for texts (.txt, .jsonl, persuasion, tang, names)"],
    [
      ["classes.json", "cat.txt"],
      "the model gives [3]; one that learns a text gives logits of the next token at each step",
    ],
  ])("%s", async ([model, data, ...more], message) => {
    await refused([model!, at(data!), ...more], message);
  });

  test("a shipped text for a net that takes numbers", async () => {
    await refused(["numbers.json", "persuasion"], "persuasion is a text, for nets that begin with an embedding");
    await refused(["numbers.json", at("docs.jsonl")], "is a text, for nets that begin with an embedding");
  });

  test.each([
    [[], "--prompt <text> is missing"],
    [["--prompt", ""], "--prompt is empty"],
    [["--prompt", "a\ufffd"], "--prompt is no text"],
    [["--prompt", "the cat?"], '--prompt: character 8, "?" (U+003F), is not among the'],
    [["--prompt", "a", "--tokens", "0"], "--tokens must be a whole number from 1 up"],
    [["--prompt", "a", "--temperature", "-1"], "--temperature must be at least 0"],
    [["--prompt", "a", "--top-p", "2"], "--top-p must be above 0 and at most 1, got 2"],
    [["--prompt", "a", "--weights", "nowhere.safetensors"], "nowhere.safetensors"],
  ])("generate with %s", async (args, message) => {
    await expect(generate([at("net.json"), "--weights", at("w.safetensors"), ...args])).rejects.toThrow(message);
  });
});

test("predict refuses a text by name", async () => {
  const args = ["--weights", at("w.safetensors"), "--data", at("cat.txt"), "--out", "-"];
  await expect(predict([at("net.json"), ...args])).rejects.toThrow("`chainrule generate` goes on from a text");
});

test("plans of texts: documents, tokenizers by name and by file, shares", async () => {
  const plan = async (...args: string[]) =>
    (await trainPlan([at(args[0]!), "--data", at(args[1]!), ...args.slice(2)]))!;
  const zipped = await plan("net.json", "cat.txt.gz", "--test-fraction", "0");
  expect([zipped.summary.text!.tokens, zipped.trainer.test]).toEqual([{ train: 960 }, null]);
  const documents = await plan("bpe.json", "docs.jsonl", "--tokenizer", at("t.json"), "--split", "0.5,0.25,0.25");
  // "the", five bytes of " cat" less one, and the end.
  expect(documents.summary.text!.tokens).toEqual({ train: 60, validation: 30, test: 30 });
  expect(documents.summary.text!.bytesPerToken.train).toBeCloseTo(7 / 6);
  expect(documents.preprocessing.tokenizer!.type).toBe("file");
  const bytes = await plan("bytes.json", "docs.jsonl", "--text-column", "body", "--test-fraction", "0.5");
  expect(bytes.summary.text!.tokens).toEqual({ train: 19, test: 19 });
});
