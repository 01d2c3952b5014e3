import { at, begin, float, get, int, put } from "./core";

/** (w, y, n, l1, l2): y [1] = l1 sum |w| + l2 sum w^2, added up in f64. */
export function penalty(call: usize, _part: i32, _parts: i32): void {
  const w = at(call, 0);
  const n = int(call, 2);
  let sizes: f64 = 0;
  let squares: f64 = 0;
  for (let i = 0; i < n; i++) {
    const v = <f64>load<f32>(w + (<usize>i << 2));
    sizes += abs<f64>(v);
    squares += v * v;
  }
  store<f32>(at(call, 1), <f32>(<f64>float(call, 3) * sizes + <f64>float(call, 4) * squares));
}

/** (dw, w, dy, n, l1, l2): dy = dw + l1 sign(w) + 2 l2 w */
export function penaltyGradient(call: usize, part: i32, parts: i32): void {
  const n = int(call, 3);
  const l1 = f32x4.splat(float(call, 4));
  const l2 = f32x4.splat(2 * float(call, 5));
  const zero = f32x4.splat(0);
  const end = begin(n, part + 1, parts, 16);
  for (let i = begin(n, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    const w = get(at(call, 1) + o, end - i);
    const up = v128.and(l1, f32x4.gt(w, zero));
    const down = v128.and(l1, f32x4.lt(w, zero));
    const slope = f32x4.add(f32x4.sub(up, down), f32x4.mul(l2, w));
    put(at(call, 2) + o, f32x4.add(get(at(call, 0) + o, end - i), slope), end - i);
  }
}
