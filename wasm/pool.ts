import { at, begin, int } from "./core";

/**
 * Pooling over planes, one for each channel of each image. Each axis comes as six numbers: places, windows, kernel, stride,
 * padding, dilation. Parts are planes; within one, windows go in order.
 */

const AXIS = 6;
const PADDED = 1;
const ADAPTIVE = 2;

// @ts-ignore: decorator
@inline
function outOf(call: usize, axis: i32): i32 {
  return int(call, axis + 1);
}

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

/** Windows [0, n) of an axis before and behind those that touch no padding. */
function wholeFrom(call: usize, axis: i32): i32 {
  const stride = int(call, axis + 3);
  return min(outOf(call, axis), (int(call, axis + 4) + stride - 1) / stride);
}

function wholeTo(call: usize, axis: i32): i32 {
  const reach = int(call, axis + 5) * (int(call, axis + 2) - 1) + 1;
  const free = int(call, axis) + int(call, axis + 4) - reach;
  if (free < 0) return 0;
  return min(outOf(call, axis), free / int(call, axis + 3) + 1);
}

/** Where the next four windows begin: the last ones of a row are moved back to be four, some of them computed again. */
// @ts-ignore: decorator
@inline
function fourAt(ox: i32, head: i32, tail: i32): i32 {
  return ox > head && ox < tail && ox + 4 > tail && tail - head >= 4 ? tail - 4 : ox;
}

/** Four values `stride` floats apart; nothing but them and what lies between is read. */
// @ts-ignore: decorator
@inline
function four(p: usize, stride: i32): v128 {
  if (stride == 1) return v128.load(p);
  if (stride == 2) return i32x4.shuffle(v128.load(p), v128.load(p, 12), 0, 2, 5, 7);
  const s = <usize>stride << 2;
  let v = v128.load32_zero(p);
  v = v128.load_lane<u32>(p + s, v, 1);
  v = v128.load_lane<u32>(p + 2 * s, v, 2);
  return v128.load_lane<u32>(p + 3 * s, v, 3);
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

/** An average's window along an axis: its first place. */
function spanFrom(call: usize, form: i32, axis: i32, o: i32): i32 {
  if (form == ADAPTIVE) return (o * int(call, axis)) / outOf(call, axis);
  return max(0, o * int(call, axis + 3) - int(call, axis + 4));
}

/** Where it ends. */
function spanTo(call: usize, form: i32, axis: i32, o: i32): i32 {
  const size = int(call, axis);
  const out = outOf(call, axis);
  if (form == ADAPTIVE) return ((o + 1) * size + out - 1) / out;
  return min(size, o * int(call, axis + 3) - int(call, axis + 4) + int(call, axis + 2));
}

/** What its sum is divided by. */
function spanCount(call: usize, form: i32, axis: i32, o: i32): i32 {
  if (form != PADDED) return spanTo(call, form, axis, o) - spanFrom(call, form, axis, o);
  const first = o * int(call, axis + 3) - int(call, axis + 4);
  return min(first + int(call, axis + 2), int(call, axis) + int(call, axis + 4)) - first;
}

/** (x, y, planes, rows..., columns..., form) */
export function avgPool(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 2);
  const R = 3;
  const C = R + AXIS;
  const form = int(call, C + AXIS);
  const columns = int(call, C);
  const outRows = outOf(call, R);
  const outColumns = outOf(call, C);
  const stride = int(call, C + 3);
  const kernel = int(call, C + 2);
  const wide = form != ADAPTIVE && kernel < 8;
  const head = wholeFrom(call, C);
  const tail = wide ? wholeTo(call, C) : 0;
  const end = begin(planes, part + 1, parts, 1);
  for (let plane = begin(planes, part, parts, 1); plane < end; plane++) {
    const x = at(call, 0) + (<usize>(plane * int(call, R) * columns) << 2);
    for (let oy = 0; oy < outRows; oy++) {
      const from = spanFrom(call, form, R, oy);
      const to = spanTo(call, form, R, oy);
      const divisor = spanCount(call, form, R, oy);
      const y = at(call, 1) + (<usize>((plane * outRows + oy) * outColumns) << 2);
      let ox = 0;
      for (; ox < outColumns; ) {
        ox = fourAt(ox, head, tail);
        if (ox >= head && ox + 4 <= tail) {
          // Without padding at the sides every window of the four has the whole kernel's columns.
          const left = ox * stride - int(call, C + 4);
          let sum = f32x4.splat(0);
          for (let iy = from; iy < to; iy++) {
            let p = x + (<usize>(iy * columns + left) << 2);
            for (let k = 0; k < kernel; k++) {
              sum = f32x4.add(sum, four(p, stride));
              p += 4;
            }
          }
          v128.store(y + (<usize>ox << 2), f32x4.div(sum, f32x4.splat(<f32>(divisor * kernel))));
          ox += 4;
        } else {
          const left = spanFrom(call, form, C, ox);
          const right = spanTo(call, form, C, ox);
          const count = <f32>(divisor * spanCount(call, form, C, ox));
          store<f32>(y + (<usize>ox << 2), sumOfWindow(x, columns, from, to, left, right) / count);
          ox++;
        }
      }
    }
  }
}

function sumOfWindow(x: usize, columns: i32, from: i32, to: i32, left: i32, right: i32): f32 {
  let lanes = f32x4.splat(0);
  let sum: f32 = 0;
  for (let iy = from; iy < to; iy++) {
    const p = x + (<usize>(iy * columns) << 2);
    let ix = left;
    for (; ix + 4 <= right; ix += 4) lanes = f32x4.add(lanes, v128.load(p + (<usize>ix << 2)));
    for (; ix < right; ix++) sum += load<f32>(p + (<usize>ix << 2));
  }
  return (
    sum +
    (f32x4.extract_lane(lanes, 0) + f32x4.extract_lane(lanes, 1)) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

/** (dy, dx, planes, rows..., columns..., form): each window's share goes to all its places. */
export function avgPoolGradient(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 2);
  const R = 3;
  const C = R + AXIS;
  const form = int(call, C + AXIS);
  const columns = int(call, C);
  const outRows = outOf(call, R);
  const outColumns = outOf(call, C);
  const places = int(call, R) * columns;
  const kernel = int(call, C + 2);
  const stride = int(call, C + 3);
  const padding = int(call, C + 4);
  const small = form != ADAPTIVE && kernel < 8;
  const head = small ? wholeFrom(call, C) : outColumns;
  const tail = small ? wholeTo(call, C) : 0;
  const end = begin(planes, part + 1, parts, 1);
  for (let plane = begin(planes, part, parts, 1); plane < end; plane++) {
    const dx = at(call, 1) + (<usize>(plane * places) << 2);
    memory.fill(dx, 0, <usize>places << 2);
    for (let oy = 0; oy < outRows; oy++) {
      const from = spanFrom(call, form, R, oy);
      const to = spanTo(call, form, R, oy);
      const divisor = spanCount(call, form, R, oy);
      let ox = 0;
      for (; ox < head; ox++) addShare(call, dx, plane, oy, ox, from, to, divisor);
      // Windows that touch no padding at the sides are all alike.
      const rows = <usize>((plane * outRows + oy) * outColumns) << 2;
      const count = f32x4.splat(<f32>(divisor * kernel));
      for (; ox + 4 <= tail; ox += 4) {
        const shares = f32x4.div(v128.load(at(call, 0) + rows + (<usize>ox << 2)), count);
        for (let iy = from; iy < to; iy++) {
          let p = dx + (<usize>(iy * columns + ox * stride - padding) << 2);
          addToKernel(p, kernel, f32x4.extract_lane(shares, 0));
          p += <usize>stride << 2;
          addToKernel(p, kernel, f32x4.extract_lane(shares, 1));
          p += <usize>stride << 2;
          addToKernel(p, kernel, f32x4.extract_lane(shares, 2));
          p += <usize>stride << 2;
          addToKernel(p, kernel, f32x4.extract_lane(shares, 3));
        }
      }
      for (; ox < outColumns; ox++) addShare(call, dx, plane, oy, ox, from, to, divisor);
    }
  }
}

// @ts-ignore: decorator
@inline
function addToKernel(p: usize, kernel: i32, share: f32): void {
  for (let k = 0; k < kernel; k++) {
    const q = p + (<usize>k << 2);
    store<f32>(q, load<f32>(q) + share);
  }
}

function addShare(call: usize, dx: usize, plane: i32, oy: i32, ox: i32, from: i32, to: i32, divisor: i32): void {
  const R = 3;
  const C = R + AXIS;
  const form = int(call, C + AXIS);
  const left = spanFrom(call, form, C, ox);
  const right = spanTo(call, form, C, ox);
  const o = <usize>((plane * outOf(call, R) + oy) * outOf(call, C) + ox) << 2;
  const share = load<f32>(at(call, 0) + o) / <f32>(divisor * spanCount(call, form, C, ox));
  for (let iy = from; iy < to; iy++) addToStretch(dx + (<usize>(iy * int(call, C)) << 2), left, right, share);
}

function addToStretch(row: usize, left: i32, right: i32, share: f32): void {
  let ix = left;
  for (; ix + 4 <= right; ix += 4) {
    const p = row + (<usize>ix << 2);
    v128.store(p, f32x4.add(v128.load(p), f32x4.splat(share)));
  }
  for (; ix < right; ix++) {
    const p = row + (<usize>ix << 2);
    store<f32>(p, load<f32>(p) + share);
  }
}
