import { at, begin, float, int } from "./core";
import { channelProduct, channelSquares, channelSum, gradientStretch, normaliseStretch } from "./stretch";

/** A group of an image is `each` channels of `places` floats, one behind the other. */

/** (x, gamma, beta, y, mean, rstd, rows, groups, each, places, eps): rows are the groups of all images, and parts. */
export function groupNorm(call: usize, part: i32, parts: i32): void {
  const rows = int(call, 6);
  const groups = int(call, 7);
  const each = int(call, 8);
  const places = int(call, 9);
  const N = each * places;
  const end = begin(rows, part + 1, parts, 1);
  for (let row = begin(rows, part, parts, 1); row < end; row++) {
    const x = at(call, 0) + (<usize>(row * N) << 2);
    const y = at(call, 3) + (<usize>(row * N) << 2);
    const mean = channelSum(x, 1, N, 0) / <f64>N;
    const rstd = 1 / sqrt<f64>(channelSquares(x, 1, N, 0, mean) / <f64>N + <f64>float(call, 10));
    for (let k = 0; k < each; k++) {
      const one = <usize>((row % groups) * each + k) << 2;
      const o = <usize>(k * places) << 2;
      const scale = <f32>(rstd * <f64>load<f32>(at(call, 1) + one));
      normaliseStretch(x + o, y + o, places, <f32>mean, scale, load<f32>(at(call, 2) + one));
    }
    store<f32>(at(call, 4) + (<usize>row << 2), <f32>mean);
    store<f32>(at(call, 5) + (<usize>row << 2), <f32>rstd);
  }
}

/** (dy, x, gamma, mean, rstd, dx, rows, groups, each, places) */
export function groupNormGradient(call: usize, part: i32, parts: i32): void {
  const rows = int(call, 6);
  const groups = int(call, 7);
  const each = int(call, 8);
  const places = int(call, 9);
  const N = each * places;
  const end = begin(rows, part + 1, parts, 1);
  for (let row = begin(rows, part, parts, 1); row < end; row++) {
    const start = <usize>(row * N) << 2;
    const dy = at(call, 0) + start;
    const x = at(call, 1) + start;
    const gamma = at(call, 2) + (<usize>((row % groups) * each) << 2);
    const mean = load<f32>(at(call, 3) + (<usize>row << 2));
    const rstd = load<f32>(at(call, 4) + (<usize>row << 2));
    let sumG: f64 = 0;
    let sumGx: f64 = 0;
    for (let k = 0; k < each; k++) {
      const o = <usize>(k * places) << 2;
      const scale = <f64>load<f32>(gamma + (<usize>k << 2));
      sumG += scale * channelSum(dy + o, 1, places, 0);
      sumGx += scale * channelProduct(dy + o, x + o, 1, places, 0, mean);
    }
    const meanG = <f32>(sumG / <f64>N);
    const slope = <f32>((sumGx / <f64>N) * <f64>rstd * <f64>rstd);
    for (let k = 0; k < each; k++) {
      const o = <usize>(k * places) << 2;
      const scale = load<f32>(gamma + (<usize>k << 2));
      gradientStretch(dy + o, x + o, at(call, 5) + start + o, places, scale, meanG, mean, slope, rstd);
    }
  }
}

/** (dy, x, mean, rstd, dgamma, dbeta, n, channels, places, groups): sums over images. Parts are channels. */
export function groupNormScaleGradient(call: usize, part: i32, parts: i32): void {
  const n = int(call, 6);
  const channels = int(call, 7);
  const places = int(call, 8);
  const groups = int(call, 9);
  const each = channels / groups;
  const end = begin(channels, part + 1, parts, 1);
  for (let c = begin(channels, part, parts, 1); c < end; c++) {
    let sum: f64 = 0;
    let sumDyx: f64 = 0;
    for (let image = 0; image < n; image++) {
      const o = <usize>((image * channels + c) * places) << 2;
      const k = <usize>(image * groups + c / each) << 2;
      const dy = at(call, 0) + o;
      const mean = load<f32>(at(call, 2) + k);
      sum += channelSum(dy, 1, places, 0);
      sumDyx += channelProduct(dy, at(call, 1) + o, 1, places, 0, mean) * <f64>load<f32>(at(call, 3) + k);
    }
    store<f32>(at(call, 4) + (<usize>c << 2), <f32>sumDyx);
    store<f32>(at(call, 5) + (<usize>c << 2), <f32>sum);
  }
}
