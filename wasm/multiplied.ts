import { at, begin, get, int, put } from "./core";

/** (a, b, y, n): y = a b, element by element. */
export function multiplied(call: usize, part: i32, parts: i32): void {
  const a = at(call, 0);
  const b = at(call, 1);
  const n = int(call, 3);
  const end = begin(n, part + 1, parts, 16);
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    put(at(call, 2) + o, f32x4.mul(get(a + o, end - i), get(b + o, end - i)), end - i);
  }
}
