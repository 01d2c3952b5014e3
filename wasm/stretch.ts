import { addWide, wideTotal } from "./core";

/** Sums over stretches of floats, in f64, and what normalisation makes of them. */

/** The sum of (x - shift) over a channel of stretches `stride` bytes apart, in f64. */
export function channelSum(x: usize, n: i32, places: i32, stride: usize): f64 {
  let wide = f64x2.splat(0);
  let sum: f64 = 0;
  for (let image = 0; image < n; image++) {
    const p = x + <usize>image * stride;
    let j = 0;
    for (; j + 4 <= places; j += 4) wide = addWide(wide, v128.load(p + (<usize>j << 2)));
    for (; j < places; j++) sum += <f64>load<f32>(p + (<usize>j << 2));
  }
  return sum + wideTotal(wide);
}

/** The sum of squared distances to `mean`, in f64. */
export function channelSquares(x: usize, n: i32, places: i32, stride: usize, mean: f64): f64 {
  const m = f64x2.splat(mean);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let sum: f64 = 0;
  for (let image = 0; image < n; image++) {
    const p = x + <usize>image * stride;
    let j = 0;
    for (; j + 4 <= places; j += 4) {
      const v = v128.load(p + (<usize>j << 2));
      const a = f64x2.sub(f64x2.promote_low_f32x4(v), m);
      const b = f64x2.sub(f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3)), m);
      low = f64x2.add(low, f64x2.mul(a, a));
      high = f64x2.add(high, f64x2.mul(b, b));
    }
    for (; j < places; j++) {
      const d = <f64>load<f32>(p + (<usize>j << 2)) - mean;
      sum += d * d;
    }
  }
  return sum + wideTotal(f64x2.add(low, high));
}

/** y = (x - mean) scale + shift over a stretch. */
export function normaliseStretch(x: usize, y: usize, places: i32, mean: f32, scale: f32, shift: f32): void {
  let j = 0;
  for (; j + 4 <= places; j += 4) {
    const o = <usize>j << 2;
    const d = f32x4.sub(v128.load(x + o), f32x4.splat(mean));
    v128.store(y + o, f32x4.add(f32x4.mul(d, f32x4.splat(scale)), f32x4.splat(shift)));
  }
  for (; j < places; j++) {
    const o = <usize>j << 2;
    store<f32>(y + o, (load<f32>(x + o) - mean) * scale + shift);
  }
}

/** The sum of dy (x - mean), in f64. */
export function channelProduct(dy: usize, x: usize, n: i32, places: i32, stride: usize, mean: f32): f64 {
  const m = f32x4.splat(mean);
  let wide = f64x2.splat(0);
  let sum: f64 = 0;
  for (let image = 0; image < n; image++) {
    const i = <usize>image * stride;
    let j = 0;
    for (; j + 4 <= places; j += 4) {
      const o = i + (<usize>j << 2);
      wide = addWide(wide, f32x4.mul(v128.load(dy + o), f32x4.sub(v128.load(x + o), m)));
    }
    for (; j < places; j++) {
      const o = i + (<usize>j << 2);
      sum += <f64>(load<f32>(dy + o) * (load<f32>(x + o) - mean));
    }
  }
  return sum + wideTotal(wide);
}

/** dx = (dy scale - meanG - (x - mean) slope) factor over a stretch. */
export function gradientStretch(
  dy: usize,
  x: usize,
  dx: usize,
  places: i32,
  scale: f32,
  meanG: f32,
  mean: f32,
  slope: f32,
  factor: f32,
): void {
  let j = 0;
  for (; j + 4 <= places; j += 4) {
    const o = <usize>j << 2;
    const g = f32x4.sub(f32x4.mul(v128.load(dy + o), f32x4.splat(scale)), f32x4.splat(meanG));
    const d = f32x4.mul(f32x4.sub(v128.load(x + o), f32x4.splat(mean)), f32x4.splat(slope));
    v128.store(dx + o, f32x4.mul(f32x4.sub(g, d), f32x4.splat(factor)));
  }
  for (; j < places; j++) {
    const o = <usize>j << 2;
    store<f32>(dx + o, (load<f32>(dy + o) * scale - meanG - (load<f32>(x + o) - mean) * slope) * factor);
  }
}
