import { int } from "./core";

/**
 * Windows of pooling along an axis, which comes as six numbers: places, windows, kernel, stride, padding, dilation. `axis`
 * is the first one's place among a call's arguments.
 */
export const AXIS = 6;

// @ts-ignore: decorator
@inline
export function outOf(call: usize, axis: i32): i32 {
  return int(call, axis + 1);
}

/** Windows [wholeFrom, wholeTo) of an axis touch no padding. */
export function wholeFrom(call: usize, axis: i32): i32 {
  const stride = int(call, axis + 3);
  return min(outOf(call, axis), (int(call, axis + 4) + stride - 1) / stride);
}

export function wholeTo(call: usize, axis: i32): i32 {
  const reach = int(call, axis + 5) * (int(call, axis + 2) - 1) + 1;
  const free = int(call, axis) + int(call, axis + 4) - reach;
  if (free < 0) return 0;
  return min(outOf(call, axis), free / int(call, axis + 3) + 1);
}

/** Where the next four windows begin: the last ones of a row are moved back to be four, some of them computed again. */
// @ts-ignore: decorator
@inline
export function fourAt(ox: i32, head: i32, tail: i32): i32 {
  return ox > head && ox < tail && ox + 4 > tail && tail - head >= 4 ? tail - 4 : ox;
}

/** Four values `stride` floats apart; nothing but them and what lies between is read. */
// @ts-ignore: decorator
@inline
export function four(p: usize, stride: i32): v128 {
  if (stride == 1) return v128.load(p);
  if (stride == 2) return i32x4.shuffle(v128.load(p), v128.load(p, 12), 0, 2, 5, 7);
  const s = <usize>stride << 2;
  let v = v128.load32_zero(p);
  v = v128.load_lane<u32>(p + s, v, 1);
  v = v128.load_lane<u32>(p + 2 * s, v, 2);
  return v128.load_lane<u32>(p + 3 * s, v, 3);
}
