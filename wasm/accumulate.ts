import { at, begin, float, get, int, put, word } from "./core";

/** (a, b, y, n, alpha, beta): y = alpha a + beta b */
export function combine(call: usize, part: i32, parts: i32): void {
  const n = int(call, 3);
  const alpha = f32x4.splat(float(call, 4));
  const beta = f32x4.splat(float(call, 5));
  const end = begin(n, part + 1, parts, 16);
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    const a = f32x4.mul(alpha, get(at(call, 0) + o, end - i));
    put(at(call, 2) + o, f32x4.add(a, f32x4.mul(beta, get(at(call, 1) + o, end - i))), end - i);
  }
}

/** (cursor, y, part, parts, batch): the cursor of a part of a step. */
export function partCursor(call: usize, _part: i32, _parts: i32): void {
  const cursor = at(call, 0);
  const y = at(call, 1);
  const part = word(call, 2);
  store<u32>(y, load<u32>(cursor) * word(call, 3) + part);
  store<u32>(y, load<u32>(cursor, 4), 4);
  store<u32>(y, load<u32>(cursor, 8) + part * word(call, 4), 8);
  store<u32>(y, load<u32>(cursor, 12), 12);
}
