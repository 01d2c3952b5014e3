import { addWide, at, begin, float, int, wideTotal } from "./core";

/**
 * A channel of x [n, channels, places] is n stretches of `places` floats. Sums are in f64, so that a mean needs no
 * correction; parts are channels.
 */

/** The sum of (x - shift) over a channel of stretches `stride` bytes apart, in f64. */
function channelSum(x: usize, n: i32, places: i32, stride: usize): f64 {
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
function channelSquares(x: usize, n: i32, places: i32, stride: usize, mean: f64): f64 {
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
function normaliseStretch(x: usize, y: usize, places: i32, mean: f32, scale: f32, shift: f32): void {
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

/** (x, gamma, beta, y, mean, rstd, squares, n, channels, places, eps) */
export function batchNorm(call: usize, part: i32, parts: i32): void {
  const n = int(call, 7);
  const channels = int(call, 8);
  const places = int(call, 9);
  const stride = <usize>(channels * places) << 2;
  const count = <f64>(n * places);
  const end = begin(channels, part + 1, parts, 1);
  for (let c = begin(channels, part, parts, 1); c < end; c++) {
    const o = <usize>(c * places) << 2;
    const one = <usize>c << 2;
    const x = at(call, 0) + o;
    const mean = channelSum(x, n, places, stride) / count;
    const squares = channelSquares(x, n, places, stride, mean);
    const rstd = 1 / sqrt<f64>(squares / count + <f64>float(call, 10));
    const scale = <f32>(rstd * <f64>load<f32>(at(call, 1) + one));
    const shift = load<f32>(at(call, 2) + one);
    for (let image = 0; image < n; image++) {
      const i = <usize>image * stride;
      normaliseStretch(x + i, at(call, 3) + o + i, places, <f32>mean, scale, shift);
    }
    store<f32>(at(call, 4) + one, <f32>mean);
    store<f32>(at(call, 5) + one, <f32>rstd);
    store<f32>(at(call, 6) + one, <f32>squares);
  }
}

/** (mean, squares, running, channels, count, momentum): running [2 channels + 1]; a momentum below 0 is the mean of all. */
export function batchNormRunning(call: usize, _part: i32, _parts: i32): void {
  const mean = at(call, 0);
  const squares = at(call, 1);
  const running = at(call, 2);
  const channels = int(call, 3);
  const count = <f64>int(call, 4);
  const last = running + (<usize>channels << 3);
  let all: f32 = 0;
  // Of what is not finite, 0 times it is NaN.
  for (let c = 0; c < channels; c++) {
    all += 0 * load<f32>(mean + (<usize>c << 2)) + 0 * load<f32>(squares + (<usize>c << 2));
  }
  if (all != 0) return;
  const momentum = <f64>float(call, 5);
  const factor = momentum < 0 ? 1 / (<f64>load<f32>(last) + 1) : momentum;
  for (let c = 0; c < channels; c++) {
    const one = <usize>c << 2;
    const m = running + one;
    const v = m + (<usize>channels << 2);
    const unbiased = <f64>load<f32>(squares + one) / (count - 1);
    store<f32>(m, <f32>((1 - factor) * <f64>load<f32>(m) + factor * <f64>load<f32>(mean + one)));
    store<f32>(v, <f32>((1 - factor) * <f64>load<f32>(v) + factor * unbiased));
  }
  store<f32>(last, load<f32>(last) + 1);
}

/** (dy, x, gamma, mean, rstd, dx, dgamma, dbeta, n, channels, places) */
export function batchNormGradient(call: usize, part: i32, parts: i32): void {
  const n = int(call, 8);
  const channels = int(call, 9);
  const places = int(call, 10);
  const stride = <usize>(channels * places) << 2;
  const count = <f64>(n * places);
  const end = begin(channels, part + 1, parts, 1);
  for (let c = begin(channels, part, parts, 1); c < end; c++) {
    const o = <usize>(c * places) << 2;
    const one = <usize>c << 2;
    const dy = at(call, 0) + o;
    const x = at(call, 1) + o;
    const mean = load<f32>(at(call, 3) + one);
    const rstd = load<f32>(at(call, 4) + one);
    const sum = channelSum(dy, n, places, stride);
    const sumDyx = channelProduct(dy, x, n, places, stride, mean) * <f64>rstd;
    const factor = load<f32>(at(call, 2) + one) * rstd;
    const meanDyx = <f32>((sumDyx / count) * <f64>rstd);
    for (let image = 0; image < n; image++) {
      const i = <usize>image * stride;
      gradientStretch(dy + i, x + i, at(call, 5) + o + i, places, <f32>(sum / count), mean, meanDyx, factor);
    }
    store<f32>(at(call, 6) + one, <f32>sumDyx);
    store<f32>(at(call, 7) + one, <f32>sum);
  }
}

/** The sum of dy (x - mean), in f64. */
function channelProduct(dy: usize, x: usize, n: i32, places: i32, stride: usize, mean: f32): f64 {
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

/** dx = (dy - meanDy - (x - mean) slope) factor over a stretch. */
function gradientStretch(
  dy: usize,
  x: usize,
  dx: usize,
  places: i32,
  meanDy: f32,
  mean: f32,
  slope: f32,
  factor: f32,
): void {
  let j = 0;
  for (; j + 4 <= places; j += 4) {
    const o = <usize>j << 2;
    const g = f32x4.sub(v128.load(dy + o), f32x4.splat(meanDy));
    const d = f32x4.mul(f32x4.sub(v128.load(x + o), f32x4.splat(mean)), f32x4.splat(slope));
    v128.store(dx + o, f32x4.mul(f32x4.sub(g, d), f32x4.splat(factor)));
  }
  for (; j < places; j++) {
    const o = <usize>j << 2;
    store<f32>(dx + o, (load<f32>(dy + o) - meanDy - (load<f32>(x + o) - mean) * slope) * factor);
  }
}

/** (x, gamma, beta, running, y, planes, channels, places, eps): by running means and variances. Parts are planes. */
export function batchNormInference(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 5);
  const channels = int(call, 6);
  const places = int(call, 7);
  const running = at(call, 3);
  const end = begin(planes, part + 1, parts, 1);
  for (let plane = begin(planes, part, parts, 1); plane < end; plane++) {
    const one = <usize>(plane % channels) << 2;
    const o = <usize>(plane * places) << 2;
    const variance = <f64>load<f32>(running + one + (<usize>channels << 2));
    const rstd = 1 / sqrt<f64>(variance + <f64>float(call, 8));
    const scale = <f32>(rstd * <f64>load<f32>(at(call, 1) + one));
    const shift = load<f32>(at(call, 2) + one);
    normaliseStretch(at(call, 0) + o, at(call, 4) + o, places, load<f32>(running + one), scale, shift);
  }
}
