import { at, begin, int, word } from "./core";
import { philox } from "./random";

/**
 * (tokens, index, cursor, x, y, words, rows, length, windows, last, seed, stream): windows of a text as
 * src/ops/text/token-windows.ts says; `words` are four words of scratch for each part.
 */
export function tokenWindows(call: usize, part: i32, parts: i32): void {
  const words = at(call, 5) + (<usize>part << 4);
  const rows = int(call, 6);
  const length = word(call, 7);
  const bytes = <usize>length << 2;
  const cursor = at(call, 2);
  const end = begin(rows, part + 1, parts, 1);
  for (let i = begin(rows, part, parts, 1); i < end; i++) {
    const epoch = load<u32>(cursor, 4) + (load<u32>(cursor, 8) + <u32>i) / word(call, 8);
    philox(0, epoch, word(call, 11), word(call, 10), words);
    const offset = <u32>((<u64>load<u32>(words) * <u64>length) >> 32);
    const start = min(load<u32>(at(call, 1) + (<usize>i << 2)) * length + offset, word(call, 9));
    const from = at(call, 0) + (<usize>start << 2);
    memory.copy(at(call, 3) + <usize>i * bytes, from, bytes);
    memory.copy(at(call, 4) + <usize>i * bytes, from + 4, bytes);
  }
}
