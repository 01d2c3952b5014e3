import { at, begin, get, int, put } from "./core";

/** (tokens, weight, y, n, width): y [n, width] = rows of weight. Parts are rows of y. */
export function embedding(call: usize, part: i32, parts: i32): void {
  const n = int(call, 3);
  const bytes = at(call, 4) << 2;
  const end = begin(n, part + 1, parts, 1);
  for (let i = begin(n, part, parts, 1); i < end; i++) {
    const row = <usize>load<u32>(at(call, 0) + (<usize>i << 2));
    memory.copy(at(call, 2) + <usize>i * bytes, at(call, 1) + row * bytes, bytes);
  }
}

/**
 * (dy, tokens, dweight, n, width, vocabulary, without): the sums of dy over the places of each token, in their order; row
 * `without` stays 0. Parts are rows of dweight, and each looks at all tokens.
 */
export function embeddingGradient(call: usize, part: i32, parts: i32): void {
  const n = int(call, 3);
  const width = int(call, 4);
  const without = int(call, 6);
  const first = begin(int(call, 5), part, parts, 1);
  const end = begin(int(call, 5), part + 1, parts, 1);
  const bytes = <usize>width << 2;
  memory.fill(at(call, 2) + <usize>first * bytes, 0, <usize>(end - first) * bytes);
  for (let i = 0; i < n; i++) {
    const token = load<i32>(at(call, 1) + (<usize>i << 2));
    if (token < first || token >= end || token == without) continue;
    const from = at(call, 0) + <usize>i * bytes;
    const to = at(call, 2) + <usize>token * bytes;
    for (let j = 0; j < width; j += 4) {
      const o = <usize>j << 2;
      put(to + o, f32x4.add(get(to + o, width - j), get(from + o, width - j)), width - j);
    }
  }
}
