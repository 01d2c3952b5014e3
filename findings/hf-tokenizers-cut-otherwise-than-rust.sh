#!/bin/sh
# npm @huggingface/tokenizers 0.2.0 (JavaScript) and npm tokenizers 0.23.2 (Rust): one tokenizer.json, other tokens.
# Expected: the same numbers, which is what the file is for; a net that was taught with the one is read with the other.
# Seen: a Split by a String keeps what "Removed" removes and leaves apart what "MergedWithNext" joins; unknown words that
# fuse_unk makes one within a word become one over several words; an added token that is to stand as a word of its own
# (single_word) is found within words. Each silently.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @huggingface/tokenizers@0.2.0 tokenizers@0.23.2 >/dev/null
cat >check.mjs <<'JS'
import { createRequire } from "node:module";
import { Tokenizer } from "@huggingface/tokenizers";

const rust = createRequire(import.meta.url)("tokenizers");
const tokens = ["?", " ", "a", "b", "c", "s", "t", "ab", " a", "ca", "cat"];
const vocab = Object.fromEntries(tokens.map((token, i) => [token, i]));
const merges = [["a", "b"], [" ", "a"], ["c", "a"], ["ca", "t"]];
const model = { type: "BPE", dropout: null, unk_token: "?", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges };
const plain = { version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model };
const split = (behavior) => ({ ...plain, pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior, invert: false } });
const word = { id: tokens.length, content: "cat", single_word: true, lstrip: false, rstrip: false, normalized: false, special: true };
const cases = [
  ["Isolated", split("Isolated"), "ab a b"],
  ["Removed", split("Removed"), "ab a b"],
  ["MergedWithNext", split("MergedWithNext"), "ab a b"],
  ["fuse_unk", { ...plain, pre_tokenizer: { type: "WhitespaceSplit" }, model: { ...model, fuse_unk: true } }, "xx y ab"],
  ["single_word", { ...plain, added_tokens: [word] }, "scat"],
];
console.log("@huggingface/tokenizers 0.2.0, tokenizers 0.23.2");
const seen = [];
for (const [name, file, text] of cases) {
  const js = new Tokenizer(file, {}).encode(text, { add_special_tokens: false }).ids.join(" ");
  const other = (await rust.Tokenizer.fromString(JSON.stringify(file)).encode(text, null, { addSpecialTokens: false })).getIds().join(" ");
  seen.push(`${js}|${other}`);
  console.log(`${name.padEnd(15)} "${text}": JavaScript ${js}, Rust ${other}`);
}
const found = ["7 1 2 1 3|7 1 2 1 3", "7 1 2 1 3|7 2 3", "7 1 2 1 3|7 8 1 3", "0 7|0 0 7", "5 11|5 10"];
const same = seen.join() === found.join();
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs
