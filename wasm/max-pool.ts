import { at, begin, int } from "./core";
import { AXIS, four, fourAt, outOf, wholeFrom, wholeTo } from "./windows";

/** Largest values of windows, over planes, one for each channel of each image. Parts are planes; in one, windows go in order. */

/** First place of a max window along an axis that is none of the padding. */
function firstPlace(call: usize, axis: i32, o: i32): i32 {
  const first = o * int(call, axis + 3) - int(call, axis + 4);
  if (first >= 0) return first;
  const dilation = int(call, axis + 5);
  return first + ((-first + dilation - 1) / dilation) * dilation;
}

/** Where a max window along an axis ends. */
function lastPlace(call: usize, axis: i32, o: i32): i32 {
  const reach = int(call, axis + 5) * (int(call, axis + 2) - 1) + 1;
  return min(o * int(call, axis + 3) - int(call, axis + 4) + reach, int(call, axis));
}

/** (x, y, index, planes, rows..., columns...): the first of the largest; NaN is larger than any number. */
export function maxPool(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 3);
  const R = 4;
  const C = R + AXIS;
  const columns = int(call, C);
  const outRows = outOf(call, R);
  const outColumns = outOf(call, C);
  const stride = int(call, C + 3);
  const head = wholeFrom(call, C);
  const tail = wholeTo(call, C);
  const end = begin(planes, part + 1, parts, 1);
  for (let plane = begin(planes, part, parts, 1); plane < end; plane++) {
    const x = at(call, 0) + (<usize>(plane * int(call, R) * columns) << 2);
    for (let oy = 0; oy < outRows; oy++) {
      const from = firstPlace(call, R, oy);
      const to = lastPlace(call, R, oy);
      const o = <usize>((plane * outRows + oy) * outColumns) << 2;
      const y = at(call, 1) + o;
      const index = at(call, 2) + o;
      let ox = 0;
      for (; ox < outColumns; ) {
        ox = fourAt(ox, head, tail);
        if (ox >= head && ox + 4 <= tail) {
          maxOfFour(call, x, y, index, ox, from, to, columns, stride);
          ox += 4;
        } else {
          maxOfOne(call, x, y, index, ox, from, to, columns);
          ox++;
        }
      }
    }
  }
}

function maxOfOne(call: usize, x: usize, y: usize, index: usize, ox: i32, from: i32, to: i32, columns: i32): void {
  const R = 4;
  const C = R + AXIS;
  const left = firstPlace(call, C, ox);
  const right = lastPlace(call, C, ox);
  let place = from * columns + left;
  let best = load<f32>(x + (<usize>place << 2));
  for (let iy = from; iy < to; iy += int(call, R + 5)) {
    for (let ix = left; ix < right; ix += int(call, C + 5)) {
      const v = load<f32>(x + (<usize>(iy * columns + ix) << 2));
      if (v > best || v != v) {
        best = v;
        place = iy * columns + ix;
      }
    }
  }
  store<f32>(y + (<usize>ox << 2), best);
  store<i32>(index + (<usize>ox << 2), place);
}

/** Windows ox to ox + 3, which touch no padding at the sides. */
function maxOfFour(
  call: usize,
  x: usize,
  y: usize,
  index: usize,
  ox: i32,
  from: i32,
  to: i32,
  columns: i32,
  stride: i32,
): void {
  const R = 4;
  const C = R + AXIS;
  const left = ox * stride - int(call, C + 4);
  const dilation = int(call, C + 5);
  const kernel = int(call, C + 2);
  const apart = i32x4.mul(i32x4.splat(stride), i32x4(0, 1, 2, 3));
  let place = i32x4.add(i32x4.splat(from * columns + left), apart);
  let best = four(x + (<usize>(from * columns + left) << 2), stride);
  for (let iy = from; iy < to; iy += int(call, R + 5)) {
    let i = iy * columns + left;
    for (let k = 0; k < kernel; k++) {
      const v = four(x + (<usize>i << 2), stride);
      const larger = v128.or(f32x4.gt(v, best), f32x4.ne(v, v));
      best = v128.bitselect(v, best, larger);
      place = v128.bitselect(i32x4.add(i32x4.splat(i), apart), place, larger);
      i += dilation;
    }
  }
  v128.store(y + (<usize>ox << 2), best);
  v128.store(index + (<usize>ox << 2), place);
}

/** (dy, index, dx, planes, rows..., columns...): each window's dy goes to the place that it chose. */
export function maxPoolGradient(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 3);
  const places = int(call, 4) * int(call, 4 + AXIS);
  const outs = outOf(call, 4) * outOf(call, 4 + AXIS);
  const end = begin(planes, part + 1, parts, 1);
  for (let plane = begin(planes, part, parts, 1); plane < end; plane++) {
    const dx = at(call, 2) + (<usize>(plane * places) << 2);
    memory.fill(dx, 0, <usize>places << 2);
    for (let o = plane * outs; o < (plane + 1) * outs; o++) {
      const p = dx + (<usize>load<i32>(at(call, 1) + (<usize>o << 2)) << 2);
      store<f32>(p, load<f32>(p) + load<f32>(at(call, 0) + (<usize>o << 2)));
    }
  }
}
