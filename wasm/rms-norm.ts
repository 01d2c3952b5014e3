import { at, begin, float, get, int, put } from "./core";
import { channelProduct, channelSquares } from "./stretch";

/** (x, weight, y, rstd, M, N, eps): y = x rstd weight per row; the sum of squares in f64. Parts are rows. */
export function rmsNorm(call: usize, part: i32, parts: i32): void {
  const M = int(call, 4);
  const N = int(call, 5);
  const weight = at(call, 1);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    const y = at(call, 2) + (<usize>(m * N) << 2);
    const rstd = <f32>(1 / sqrt<f64>(channelSquares(x, 1, N, 0, 0) / <f64>N + <f64>float(call, 6)));
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      const xhat = f32x4.mul(get(x + o, N - j), f32x4.splat(rstd));
      put(y + o, f32x4.mul(xhat, get(weight + o, N - j)), N - j);
    }
    store<f32>(at(call, 3) + (<usize>m << 2), rstd);
  }
}

/** (dy, x, weight, rstd, dx, M, N). Parts are rows. */
export function rmsNormGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 5);
  const N = int(call, 6);
  const weight = at(call, 2);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const row = <usize>(m * N) << 2;
    const dy = at(call, 0) + row;
    const x = at(call, 1) + row;
    const dx = at(call, 4) + row;
    const rstd = load<f32>(at(call, 3) + (<usize>m << 2));
    // dx holds dy weight until its product with x is known.
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      put(dx + o, f32x4.mul(get(dy + o, N - j), get(weight + o, N - j)), N - j);
    }
    const mean = (channelProduct(dx, x, 1, N, 0, 0) * <f64>rstd) / <f64>N;
    const slope = f32x4.splat(<f32>(mean * <f64>rstd));
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      const d = f32x4.sub(get(dx + o, N - j), f32x4.mul(get(x + o, N - j), slope));
      put(dx + o, f32x4.mul(d, f32x4.splat(rstd)), N - j);
    }
  }
}

/** (dy, x, rstd, dweight, M, N): sums over rows of dy x rstd. Parts are columns. */
export function rmsNormScaleGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 4);
  const N = int(call, 5);
  const end = begin(N, part + 1, parts, 16);
  for (let n = begin(N, part, parts, 16); n < end; n += 4) {
    let sum = f32x4.splat(0);
    for (let m = 0; m < M; m++) {
      const o = <usize>(m * N + n) << 2;
      const rstd = f32x4.splat(load<f32>(at(call, 2) + (<usize>m << 2)));
      const xhat = f32x4.mul(get(at(call, 1) + o, end - n), rstd);
      sum = f32x4.add(sum, f32x4.mul(get(at(call, 0) + o, end - n), xhat));
    }
    put(at(call, 3) + (<usize>n << 2), sum, end - n);
  }
}
