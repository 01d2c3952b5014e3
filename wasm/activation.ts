import { at, begin, float, get, int, put } from "./core";

/** Loops over one activation: T is a class without fields with f(x) and d(v), so that they are compiled once for each. */

/** (x, y, n, alpha): y = f(x); y may be x. */
export function forward<T>(call: usize, part: i32, parts: i32): void {
  const op = changetype<T>(0);
  const n = int(call, 2);
  const a = f32x4.splat(float(call, 3));
  const x = at(call, 0);
  const y = at(call, 1);
  const end = begin(n, part + 1, parts, 16);
  let i = begin(n, part, parts, 16);
  for (; i + 4 <= end; i += 4) v128.store(y + (<usize>i << 2), op.f(v128.load(x + (<usize>i << 2)), a));
  if (i < end) put(y + (<usize>i << 2), op.f(get(x + (<usize>i << 2), end - i), a), end - i);
}

/** (dy, v, dx, n, alpha): dx = dy d(v) */
export function backward<T>(call: usize, part: i32, parts: i32): void {
  const op = changetype<T>(0);
  const n = int(call, 3);
  const a = f32x4.splat(float(call, 4));
  const dy = at(call, 0);
  const v = at(call, 1);
  const dx = at(call, 2);
  const end = begin(n, part + 1, parts, 16);
  let i = begin(n, part, parts, 16);
  for (; i + 4 <= end; i += 4) {
    const o = <usize>i << 2;
    v128.store(dx + o, f32x4.mul(v128.load(dy + o), op.d(v128.load(v + o), a)));
  }
  if (i < end) {
    const o = <usize>i << 2;
    put(dx + o, f32x4.mul(get(dy + o, end - i), op.d(get(v + o, end - i), a)), end - i);
  }
}
