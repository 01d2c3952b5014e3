#!/bin/sh
# npm @huggingface/tokenizers 0.2.0: decode drops spaces before punctuation, unless it is told not to.
# Expected (the Python and Rust library of that name): a byte-level tokenizer gives back every byte that it was given.
# Seen: "don't stop , now !" comes back as "don't stop, now!"; clean_up_tokenization_spaces: false keeps it. So samples of a
# language model, or lengths in bytes of what it read, are not those of its tokens.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error @huggingface/tokenizers@0.2.0 >/dev/null
cat >check.mjs <<'JS'
import { Tokenizer } from "@huggingface/tokenizers";

// Every byte is a token, under the letter that byte-level tokenizers call it by; no merges.
const printable = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
let other = 256;
const letters = Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : other++));
const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const tokenizer = new Tokenizer(
  {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: "BPE", unk_token: null, vocab: Object.fromEntries(letters.map((c, i) => [c, i])), merges: [] },
  },
  {},
);
const text = "don't stop , now !";
const { ids } = tokenizer.encode(text);
const plain = tokenizer.decode(ids);
const kept = tokenizer.decode(ids, { clean_up_tokenization_spaces: false });
console.log(`@huggingface/tokenizers 0.2.0: ${ids.length} tokens of "${text}" (${text.length} bytes)`);
console.log(`decode                                        "${plain}" (expected as it was)`);
console.log(`decode, clean_up_tokenization_spaces: false   "${kept}"`);
const same = ids.length === text.length && plain === "don't stop, now!" && kept === text;
console.log(same ? "as found" : "CHANGED");
process.exit(same ? 0 : 1);
JS
node check.mjs
