import { at, begin, int } from "./core";
import { AXIS, four, fourAt, outOf, wholeFrom, wholeTo } from "./windows";

/** Means of windows, over planes, one for each channel of each image. Parts are planes; in one, windows go in order. */

/** Forms, as src/ops/pool/pool-wasm.ts numbers them; 0 divides by the places inside. */
const PADDED = 1;
const ADAPTIVE = 2;

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
