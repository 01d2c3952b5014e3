import { at, begin, float, int } from "./core";
import { channelProduct, channelSquares, channelSum, gradientStretch, normaliseStretch } from "./stretch";

/**
 * A channel of x [n, channels, places] is n stretches of `places` floats. Sums are in f64, so that a mean needs no
 * correction; parts are channels.
 */

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
      gradientStretch(dy + i, x + i, at(call, 5) + o + i, places, 1, <f32>(sum / count), mean, meanDyx, factor);
    }
    store<f32>(at(call, 6) + one, <f32>sumDyx);
    store<f32>(at(call, 7) + one, <f32>sum);
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
