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
  // The end of the array in the same loop: f stands in the module wherever it is called from, and pages load that.
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    put(y + o, op.f(get(x + o, end - i), a), end - i);
  }
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
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    put(dx + o, f32x4.mul(get(dy + o, end - i), op.d(get(v + o, end - i), a)), end - i);
  }
}
