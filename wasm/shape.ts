import { at, begin, get, int, put, word } from "./core";

/** Moves of whole values: axes in another order, parts, values one behind the other, padding. Parts are stretches of the result. */

/** `count` words. */
// @ts-ignore: decorator
@inline
function move(to: usize, from: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
  for (; i < count; i++) store<u32>(to + (<usize>i << 2), load<u32>(from + (<usize>i << 2)));
}

function clear(to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (<usize>i << 2), i32x4.splat(0));
  for (; i < count; i++) store<u32>(to + (<usize>i << 2), 0);
}

/** (x, y, size, start, axes, then size and stride of each axis): the elements of a walk through x, one after the other. */
export function strided(call: usize, part: i32, parts: i32): void {
  const size = int(call, 2);
  const last = int(call, 4) - 1;
  const inner = int(call, 5 + 2 * last);
  const step = <usize>word(call, 6 + 2 * last) << 2;
  const end = begin(size, part + 1, parts, 16);
  let i = begin(size, part, parts, 16);
  while (i < end) {
    let from = <usize>word(call, 3);
    let rest = i / inner;
    for (let k = last - 1; k >= 0; k--) {
      const steps = int(call, 5 + 2 * k);
      from += <usize>(rest % steps) * <usize>word(call, 6 + 2 * k);
      rest /= steps;
    }
    const first = i % inner;
    const count = min(inner - first, end - i);
    const x = at(call, 0) + (from << 2) + <usize>first * step;
    const y = at(call, 1) + (<usize>i << 2);
    if (step == 4) move(y, x, count);
    else for (let j = 0; j < count; j++) store<u32>(y + (<usize>j << 2), load<u32>(x + <usize>j * step));
    i += count;
  }
}

/** (x, y, size, start, inner, stride): blocks of `inner` elements of x to y[start], y[start + stride] and so on. */
export function blocks(call: usize, part: i32, parts: i32): void {
  const size = int(call, 2);
  const inner = int(call, 4);
  const end = begin(size, part + 1, parts, 16);
  let i = begin(size, part, parts, 16);
  while (i < end) {
    const first = i % inner;
    const count = min(inner - first, end - i);
    const to = int(call, 3) + (i / inner) * int(call, 5) + first;
    move(at(call, 1) + (<usize>to << 2), at(call, 0) + (<usize>i << 2), count);
    i += count;
  }
}

// @ts-ignore: decorator
@inline
function mirrored(i: i32, n: i32, before: i32): i32 {
  return n - 1 - abs(n - 1 - abs(i - before));
}

/** (x, y, size, reflect, axes, then n, m and before of each): y is x with places around it. */
export function pad(call: usize, part: i32, parts: i32): void {
  const size = int(call, 2);
  const reflect = int(call, 3) != 0;
  const last = int(call, 4) - 1;
  const n = int(call, 5 + 3 * last);
  const m = int(call, 6 + 3 * last);
  const before = int(call, 7 + 3 * last);
  const end = begin(size, part + 1, parts, 16);
  let i = begin(size, part, parts, 16);
  while (i < end) {
    const first = i % m;
    const stop = min(m, first + end - i);
    let rest = i / m;
    let from = 0;
    let stride = n;
    let inside = true;
    for (let k = last - 1; k >= 0; k--) {
      const nk = int(call, 5 + 3 * k);
      const mk = int(call, 6 + 3 * k);
      const bk = int(call, 7 + 3 * k);
      const p = reflect ? mirrored(rest % mk, nk, bk) : (rest % mk) - bk;
      inside = inside && p >= 0 && p < nk;
      from += p * stride;
      stride *= nk;
      rest /= mk;
    }
    const y = at(call, 1) + (<usize>(i - first) << 2);
    const x = at(call, 0) + (<usize>from << 2);
    const head = max(first, min(stop, before));
    const tail = max(head, min(stop, before + n));
    if (reflect) {
      for (let j = first; j < head; j++) store<u32>(y + (<usize>j << 2), load<u32>(x + (<usize>mirrored(j, n, before) << 2)));
      for (let j = tail; j < stop; j++) store<u32>(y + (<usize>j << 2), load<u32>(x + (<usize>mirrored(j, n, before) << 2)));
    } else if (inside) {
      clear(y + (<usize>first << 2), head - first);
      clear(y + (<usize>tail << 2), stop - tail);
    }
    if (inside) move(y + (<usize>head << 2), x + (<usize>(head - before) << 2), tail - head);
    else clear(y + (<usize>first << 2), stop - first);
    i += stop - first;
  }
}

/** Place of a padded axis that shows place j: itself, by the mirror in front, by the one behind; -1 where there is none. */
// @ts-ignore: decorator
@inline
function image(j: i32, way: i32, n: i32, m: i32, before: i32): i32 {
  if (way == 0) return before + j;
  if (way == 1) return j > 0 && j <= before ? before - j : -1;
  const p = before + 2 * (n - 1) - j;
  return j + 1 < n && p < m ? p : -1;
}

/** (dy, dx, rows, axes, then n, m and before of each): for each place the sum of dy over the places that show it. Parts are rows. */
export function reflectGradient(call: usize, part: i32, parts: i32): void {
  const last = int(call, 3) - 1;
  const rows = int(call, 2);
  const n = int(call, 4 + 3 * last);
  const m = int(call, 5 + 3 * last);
  let ways = 1;
  for (let k = 0; k < last; k++) if (int(call, 4 + 3 * k) != int(call, 5 + 3 * k)) ways *= 3;
  const end = begin(rows, part + 1, parts, 1);
  for (let row = begin(rows, part, parts, 1); row < end; row++) {
    const dx = at(call, 1) + (<usize>(row * n) << 2);
    clear(dx, n);
    for (let way = 0; way < ways; way++) {
      let rest = row;
      let which = way;
      let from = 0;
      let stride = 1;
      for (let k = last - 1; k >= 0 && from >= 0; k--) {
        const nk = int(call, 4 + 3 * k);
        const mk = int(call, 5 + 3 * k);
        let p = rest % nk;
        if (nk != mk) {
          p = image(p, which % 3, nk, mk, int(call, 6 + 3 * k));
          which /= 3;
        }
        from = p < 0 ? -1 : from + p * stride;
        stride *= mk;
        rest /= nk;
      }
      if (from >= 0) addImages(at(call, 0) + (<usize>(from * m) << 2), dx, n, m, int(call, 6 + 3 * last));
    }
  }
}

/** Adds a line of dy to dx: each place, then what the mirrors in front and behind show. */
function addImages(dy: usize, dx: usize, n: i32, m: i32, before: i32): void {
  const own = dy + (<usize>before << 2);
  for (let j = 0; j < n; j += 4) {
    const o = <usize>j << 2;
    put(dx + o, f32x4.add(get(dx + o, n - j), get(own + o, n - j)), n - j);
  }
  for (let j = 1; j <= before; j++) addTo(dx, j, dy, before - j);
  for (let p = before + n; p < m; p++) addTo(dx, before + 2 * (n - 1) - p, dy, p);
}

// @ts-ignore: decorator
@inline
function addTo(dx: usize, j: i32, dy: usize, p: i32): void {
  const to = dx + (<usize>j << 2);
  store<f32>(to, load<f32>(to) + load<f32>(dy + (<usize>p << 2)));
}
