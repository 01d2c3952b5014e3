/** A tokenizer.json as byte level BPE has it, with three merges: 256 bytes, "th", "the", " the" and an end of documents. */
export function bpeFile() {
  const plain = [...range(33, 127), ...range(161, 173), ...range(174, 256)];
  let next = 256;
  const letters = range(0, 256).map((byte) => String.fromCharCode(plain.includes(byte) ? byte : next++));
  const merges = ["t h", "th e", "Ġ the"];
  const vocab: Record<string, number> = Object.fromEntries(letters.map((letter, byte) => [letter, byte]));
  for (const [i, merge] of merges.entries()) vocab[merge.replace(" ", "")] = 256 + i;
  const end = { id: 259, content: "<|endoftext|>", single_word: false, lstrip: false, rstrip: false };
  return {
    version: "1.0",
    added_tokens: [{ ...end, normalized: false, special: true }],
    normalizer: null as object | null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true } as object | null,
    post_processor: null,
    decoder: { type: "ByteLevel" } as object | null,
    model: { type: "BPE", vocab, merges: merges as unknown[] },
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
