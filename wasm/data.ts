import { at, begin, float, int, word } from "./core";
import { epochKeys, permuted, philox } from "./random";

/** (cursor, index, keys, order, batch, n, seed, stream, half): index [batch]; `keys` are eight words of scratch. */
export function batchIndex(call: usize, _part: i32, _parts: i32): void {
  const cursor = at(call, 0);
  const index = at(call, 1);
  const keys = at(call, 2);
  const order = int(call, 3);
  const batch = word(call, 4);
  const n = word(call, 5);
  const step = load<u32>(cursor);
  const first = load<u32>(cursor, 4);
  const position = load<u32>(cursor, 8);
  let known = false;
  let epoch: u32 = 0;
  for (let i: u32 = 0; i < batch; i++) {
    let row: u32;
    if (order == ORDER_CHUNK) row = (step % (n / batch)) * batch + i;
    else {
      const along = position + i;
      row = along % n;
      if (order == ORDER_SHUFFLE) {
        const e = first + along / n;
        if (!known || e != epoch) epochKeys(word(call, 6), word(call, 7), e, keys);
        known = true;
        epoch = e;
        row = permuted(keys, row, n, word(call, 8));
      }
    }
    store<u32>(index + (<usize>i << 2), row);
  }
}

/** Numbers of the orders, as src/ops/step/batch.ts counts them. */
const ORDER_SHUFFLE = 0;
const ORDER_CHUNK = 2;

/** (data, index, y, batch, width): rows of words, named by index. */
export function gather(call: usize, part: i32, parts: i32): void {
  const batch = int(call, 3);
  const bytes = at(call, 4) << 2;
  const end = begin(batch, part + 1, parts, 1);
  for (let i = begin(batch, part, parts, 1); i < end; i++) {
    const row = <usize>load<u32>(at(call, 1) + (<usize>i << 2));
    memory.copy(at(call, 2) + <usize>i * bytes, at(call, 0) + row * bytes, bytes);
  }
}

/** (x, cursor, y, words, n, seed, stream, threshold, scale): `words` are four words of scratch for each part. */
export function dropout(call: usize, part: i32, parts: i32): void {
  const words = at(call, 3) + (<usize>part << 4);
  const n = int(call, 4);
  const limit = word(call, 7);
  const scale = float(call, 8);
  const step = load<u32>(at(call, 1));
  const end = begin(n, part + 1, parts, 16);
  for (let i = begin(n, part, parts, 16); i < end; i++) {
    if ((i & 3) == 0) philox(<u32>i >> 2, step, word(call, 6), word(call, 5), words);
    const o = <usize>i << 2;
    const stays = load<u32>(words + ((<usize>i & 3) << 2)) >= limit;
    store<f32>(at(call, 2) + o, stays ? load<f32>(at(call, 0) + o) * scale : 0);
  }
}

/** (x, labels, y, M, N): y [1] = rows whose largest element is the label's; the first of equals wins. */
export function countCorrect(call: usize, _part: i32, _parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  let right = 0;
  for (let m = 0; m < M; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    let best = 0;
    for (let j = 1; j < N; j++) if (load<f32>(x + (<usize>j << 2)) > load<f32>(x + (<usize>best << 2))) best = j;
    if (best == load<i32>(at(call, 1) + (<usize>m << 2))) right++;
  }
  store<f32>(at(call, 2), <f32>right);
}
