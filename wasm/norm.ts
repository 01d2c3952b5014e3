import { addWide, at, begin, float, get, int, put, wideTotal } from "./core";

/** (x, gamma, beta, y, mean, rstd, M, N, eps): y = (x - mean) rstd gamma + beta per row; sums in f64. */
export function layerNorm(call: usize, part: i32, parts: i32): void {
  const M = int(call, 6);
  const N = int(call, 7);
  const gamma = at(call, 1);
  const beta = at(call, 2);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    const y = at(call, 3) + (<usize>(m * N) << 2);
    let sum: f64 = 0;
    for (let j = 0; j < N; j++) sum += <f64>load<f32>(x + (<usize>j << 2));
    const mean = sum / <f64>N;
    let squares: f64 = 0;
    for (let j = 0; j < N; j++) {
      const d = <f64>load<f32>(x + (<usize>j << 2)) - mean;
      squares += d * d;
    }
    const rstd = 1 / sqrt<f64>(squares / <f64>N + <f64>float(call, 8));
    for (let j = 0; j < N; j++) {
      const o = <usize>j << 2;
      const xhat = (<f64>load<f32>(x + o) - mean) * rstd;
      store<f32>(y + o, <f32>(xhat * <f64>load<f32>(gamma + o) + <f64>load<f32>(beta + o)));
    }
    store<f32>(at(call, 4) + (<usize>m << 2), <f32>mean);
    store<f32>(at(call, 5) + (<usize>m << 2), <f32>rstd);
  }
}

/** (dy, x, gamma, mean, rstd, dx, M, N) */
export function layerNormGradient(call: usize, part: i32, parts: i32): void {
  const gamma = at(call, 2);
  const M = int(call, 6);
  const N = int(call, 7);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const row = <usize>(m * N) << 2;
    const dy = at(call, 0) + row;
    const x = at(call, 1) + row;
    const mean = f32x4.splat(load<f32>(at(call, 3) + (<usize>m << 2)));
    const r = f32x4.splat(load<f32>(at(call, 4) + (<usize>m << 2)));
    let sumG = f64x2.splat(0);
    let sumGx = f64x2.splat(0);
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      // Behind the end dy and gamma read as 0, so that the mean subtracted there adds nothing.
      const g = f32x4.mul(get(dy + o, N - j), get(gamma + o, N - j));
      const xhat = f32x4.mul(f32x4.sub(get(x + o, N - j), mean), r);
      sumG = addWide(sumG, g);
      sumGx = addWide(sumGx, f32x4.mul(g, xhat));
    }
    const meanG = f32x4.splat(<f32>(wideTotal(sumG) / <f64>N));
    const meanGx = f32x4.splat(<f32>(wideTotal(sumGx) / <f64>N));
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      const g = f32x4.mul(get(dy + o, N - j), get(gamma + o, N - j));
      const xhat = f32x4.mul(f32x4.sub(get(x + o, N - j), mean), r);
      const d = f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(xhat, meanGx));
      put(at(call, 5) + row + o, f32x4.mul(r, d), N - j);
    }
  }
}

/** (dy, x, mean, rstd, dgamma, M, N): dgamma [N] = sum over rows of dy (x - mean) rstd. Parts are columns. */
export function layerNormScaleGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 5);
  const N = int(call, 6);
  const end = begin(N, part + 1, parts, 16);
  for (let n = begin(N, part, parts, 16); n < end; n += 4) {
    let sum = f32x4.splat(0);
    for (let m = 0; m < M; m++) {
      const o = <usize>(m * N + n) << 2;
      const mean = f32x4.splat(load<f32>(at(call, 2) + (<usize>m << 2)));
      const r = f32x4.splat(load<f32>(at(call, 3) + (<usize>m << 2)));
      const xhat = f32x4.mul(f32x4.sub(get(at(call, 1) + o, end - n), mean), r);
      sum = f32x4.add(sum, f32x4.mul(get(at(call, 0) + o, end - n), xhat));
    }
    put(at(call, 4) + (<usize>n << 2), sum, end - n);
  }
}
