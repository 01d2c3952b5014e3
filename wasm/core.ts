/**
 * A call in a program: four words (function, parts, bytes to the next call, unused), then the arguments, a word each.
 * A kernel takes the call's address and which part of how many it shall do. Parts divide the result, never a sum, and
 * their number does not depend on the number of threads: so any number of threads gives the same bits.
 */
export const HEADER: usize = 16;

// @ts-ignore: decorator
@inline
export function word(call: usize, i: i32): u32 {
  return load<u32>(call + HEADER + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
export function at(call: usize, i: i32): usize {
  return <usize>word(call, i);
}

// @ts-ignore: decorator
@inline
export function int(call: usize, i: i32): i32 {
  return <i32>word(call, i);
}

// @ts-ignore: decorator
@inline
export function float(call: usize, i: i32): f32 {
  return load<f32>(call + HEADER + (<usize>i << 2));
}

/** First of n elements that belongs to a part; part `parts` gives n. Parts begin at multiples of `unit`. */
export function begin(n: i32, part: i32, parts: i32, unit: i32): i32 {
  if (parts == 1) return part == 0 ? 0 : n;
  const units = (n + unit - 1) / unit;
  const each = (units + parts - 1) / parts;
  return min(n, part * each * unit);
}

/** Four floats, or the first `count` of them and zeros: nothing behind the end of an array is touched. */
// @ts-ignore: decorator
@inline
export function get(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : getPart(p, count);
}

function getPart(p: usize, count: i32): v128 {
  let v = f32x4.splat(0);
  if (count > 0) v = f32x4.replace_lane(v, 0, load<f32>(p));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(p, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(p, 8));
  return v;
}

// @ts-ignore: decorator
@inline
export function put(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else putPart(p, v, count);
}

function putPart(p: usize, v: v128, count: i32): void {
  if (count > 0) store<f32>(p, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(p, f32x4.extract_lane(v, 1), 4);
  if (count > 2) store<f32>(p, f32x4.extract_lane(v, 2), 8);
}

/** a b + c: one rounding where the engine has relaxed SIMD and the machine fused multiply-add, else two. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The sum of the lanes. */
// @ts-ignore: decorator
@inline
export function lanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) +
    f32x4.extract_lane(v, 1) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** sum + the lanes of v, as two f64 lanes: sums over whole arrays keep f64's accuracy. */
// @ts-ignore: decorator
@inline
export function addWide(sum: v128, v: v128): v128 {
  const high = i32x4.shuffle(v, v, 2, 3, 2, 3);
  return f64x2.add(sum, f64x2.add(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(high)));
}

// @ts-ignore: decorator
@inline
export function wideTotal(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
