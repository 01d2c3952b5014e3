import { at, begin, get, int, put } from "./core";

// @ts-ignore: decorator
@inline
function above(x: v128): v128 {
  return f32x4.gt(x, f32x4.splat(0));
}

/** (x, slopes, y, size, places, c): y = x above 0, the channel's slope times x elsewhere. */
export function prelu(call: usize, part: i32, parts: i32): void {
  const size = int(call, 3);
  const places = int(call, 4);
  const end = begin(size, part + 1, parts, 16);
  let i = begin(size, part, parts, 16);
  while (i < end) {
    const channel = (i / places) % int(call, 5);
    const slope = v128.load32_splat(at(call, 1) + (<usize>channel << 2));
    const stop = min(end, (i / places + 1) * places);
    for (; i < stop; i += 4) {
      const x = get(at(call, 0) + (<usize>i << 2), stop - i);
      put(at(call, 2) + (<usize>i << 2), v128.bitselect(x, f32x4.mul(slope, x), above(x)), stop - i);
    }
    i = stop;
  }
}

/** (dy, x, slopes, dx, size, places, c): dx = dy, times the channel's slope where x is not above 0. */
export function preluGradient(call: usize, part: i32, parts: i32): void {
  const size = int(call, 4);
  const places = int(call, 5);
  const one = f32x4.splat(1);
  const end = begin(size, part + 1, parts, 16);
  let i = begin(size, part, parts, 16);
  while (i < end) {
    const channel = (i / places) % int(call, 6);
    const slope = v128.load32_splat(at(call, 2) + (<usize>channel << 2));
    const stop = min(end, (i / places + 1) * places);
    for (; i < stop; i += 4) {
      const o = <usize>i << 2;
      const factor = v128.bitselect(one, slope, above(get(at(call, 1) + o, stop - i)));
      put(at(call, 3) + o, f32x4.mul(get(at(call, 0) + o, stop - i), factor), stop - i);
    }
    i = stop;
  }
}

/** (dy, x, terms, size): dy x where x is not above 0. */
export function preluTerms(call: usize, part: i32, parts: i32): void {
  const size = int(call, 3);
  const end = begin(size, part + 1, parts, 16);
  for (let i = begin(size, part, parts, 16); i < end; i += 4) {
    const o = <usize>i << 2;
    const x = get(at(call, 1) + o, end - i);
    put(at(call, 2) + o, f32x4.mul(get(at(call, 0) + o, end - i), v128.andnot(x, above(x))), end - i);
  }
}
