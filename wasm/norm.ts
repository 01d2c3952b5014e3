import { addWide, at, begin, float, get, int, put, wideTotal } from "./core";

/** (x, gamma, beta, y, mean, rstd, M, N, eps): y = (x - mean) rstd gamma + beta per row, of which mean and xhat are taken in f64. */
export function layerNorm(call: usize, part: i32, parts: i32): void {
  const M = int(call, 6);
  const N = int(call, 7);
  const gamma = at(call, 1);
  const beta = at(call, 2);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    const y = at(call, 3) + (<usize>(m * N) << 2);
    const whole = N & ~3;
    let sums = f64x2.splat(0);
    for (let j = 0; j < whole; j += 4) sums = addWide(sums, v128.load(x + (<usize>j << 2)));
    let sum = wideTotal(sums);
    for (let j = whole; j < N; j++) sum += <f64>load<f32>(x + (<usize>j << 2));
    const mean = sum / <f64>N;
    const means = f64x2.splat(mean);
    sums = f64x2.splat(0);
    for (let j = 0; j < whole; j += 4) {
      const v = v128.load(x + (<usize>j << 2));
      const low = f64x2.sub(f64x2.promote_low_f32x4(v), means);
      const high = f64x2.sub(f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3)), means);
      sums = f64x2.add(sums, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
    }
    let squares = wideTotal(sums);
    for (let j = whole; j < N; j++) {
      const d = <f64>load<f32>(x + (<usize>j << 2)) - mean;
      squares += d * d;
    }
    const rstd = 1 / sqrt<f64>(squares / <f64>N + <f64>float(call, 8));
    const r = f64x2.splat(rstd);
    for (let j = 0; j < whole; j += 4) {
      const o = <usize>j << 2;
      const v = v128.load(x + o);
      const low = f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(v), means), r);
      const high = f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3)), means), r);
      const xhat = i32x4.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
      v128.store(y + o, f32x4.add(f32x4.mul(xhat, v128.load(gamma + o)), v128.load(beta + o)));
    }
    for (let j = whole; j < N; j++) {
      const o = <usize>j << 2;
      const xhat = <f32>((<f64>load<f32>(x + o) - mean) * rstd);
      store<f32>(y + o, xhat * load<f32>(gamma + o) + load<f32>(beta + o));
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

/**
 * (dy, x, mean, rstd, dgamma, M, N): dgamma [N] = sum over rows of dy (x - mean) rstd. Parts are columns, which go by eight: so
 * many sums as hide what an addition waits for.
 */
export function layerNormScaleGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 5);
  const N = int(call, 6);
  const end = begin(N, part + 1, parts, 16);
  for (let n = begin(N, part, parts, 16); n < end; n += 8) {
    let low = f32x4.splat(0), high = low;
    for (let m = 0; m < M; m++) {
      const o = <usize>(m * N + n) << 2;
      const mean = v128.load32_splat(at(call, 2) + (<usize>m << 2));
      const r = v128.load32_splat(at(call, 3) + (<usize>m << 2));
      const dy = at(call, 0) + o;
      const x = at(call, 1) + o;
      low = f32x4.add(low, f32x4.mul(get(dy, end - n), f32x4.mul(f32x4.sub(get(x, end - n), mean), r)));
      if (end - n > 4) {
        high = f32x4.add(high, f32x4.mul(get(dy + 16, end - n - 4), f32x4.mul(f32x4.sub(get(x + 16, end - n - 4), mean), r)));
      }
    }
    put(at(call, 4) + (<usize>n << 2), low, end - n);
    if (end - n > 4) put(at(call, 4) + (<usize>n << 2) + 16, high, end - n - 4);
  }
}
