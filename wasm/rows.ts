import { at, begin, get, int, lanes, put } from "./core";
import { exp1, exp4, logOf } from "./math";

/** Largest of N floats; NaN if there is one. */
export function largest(x: usize, N: i32): f32 {
  let top: f32 = -Infinity;
  let j = 0;
  if (N >= 4) {
    let v = v128.load(x);
    for (j = 4; j + 4 <= N; j += 4) v = f32x4.max(v, v128.load(x + (<usize>j << 2)));
    const a = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
    top = max(a, max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
  }
  for (; j < N; j++) top = max(top, load<f32>(x + (<usize>j << 2)));
  return top;
}

/** Sum of exp(x - top) over N floats; each term also goes to y where y is not 0. */
export function expSum(x: usize, N: i32, top: f32, y: usize): f32 {
  const t = f32x4.splat(top);
  let sum = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= N; j += 4) {
    const e = exp4(f32x4.sub(v128.load(x + (<usize>j << 2)), t));
    sum = f32x4.add(sum, e);
    if (y) v128.store(y + (<usize>j << 2), e);
  }
  let all = lanes(sum);
  for (; j < N; j++) {
    const e = exp1(load<f32>(x + (<usize>j << 2)) - top);
    all += e;
    if (y) store<f32>(y + (<usize>j << 2), e);
  }
  return all;
}

/** (x, y, M, N): y = softmax of each row. */
export function softmax(call: usize, part: i32, parts: i32): void {
  const M = int(call, 2);
  const N = int(call, 3);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const y = at(call, 1) + o;
    const sum = f32x4.splat(expSum(at(call, 0) + o, N, largest(at(call, 0) + o, N), y));
    for (let j = 0; j < N; j += 4) {
      const p = y + (<usize>j << 2);
      put(p, f32x4.div(get(p, N - j), sum), N - j);
    }
  }
}

/** (dy, y, dx, M, N): dx = y (dy - sum(dy y)) row by row. */
export function softmaxGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const dy = at(call, 0) + o;
    const y = at(call, 1) + o;
    let sum = f32x4.splat(0);
    for (let j = 0; j < N; j += 4) {
      const c = <usize>j << 2;
      sum = f32x4.add(sum, f32x4.mul(get(dy + c, N - j), get(y + c, N - j)));
    }
    const dot = f32x4.splat(lanes(sum));
    for (let j = 0; j < N; j += 4) {
      const c = <usize>j << 2;
      put(at(call, 2) + o + c, f32x4.mul(get(y + c, N - j), f32x4.sub(get(dy + c, N - j), dot)), N - j);
    }
  }
}

/** (x, labels, y, M, N): y [1] = mean over rows of log(sum exp(x)) - x[label], added up in f64. */
export function crossEntropy(call: usize, _part: i32, _parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  let loss: f64 = 0;
  for (let m = 0; m < M; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    const label = load<i32>(at(call, 1) + (<usize>m << 2));
    const top = largest(x, N);
    const sum = expSum(x, N, top, 0);
    loss += logOf(<f64>sum) - (<f64>load<f32>(x + (<usize>label << 2)) - <f64>top);
  }
  store<f32>(at(call, 2), <f32>(loss / <f64>M));
}

/** (x, labels, dloss, dx, M, N): dx = (softmax(x) - onehot(label)) dloss / M */
export function crossEntropyGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 4);
  const N = int(call, 5);
  const scale = load<f32>(at(call, 2)) / <f32>M;
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const x = at(call, 0) + o;
    const dx = at(call, 3) + o;
    const sum = expSum(x, N, largest(x, N), dx);
    const label = dx + (<usize>load<i32>(at(call, 1) + (<usize>m << 2)) << 2);
    const p = load<f32>(label) / sum;
    const factor = f32x4.splat(scale / sum);
    for (let j = 0; j < N; j += 4) {
      const c = dx + (<usize>j << 2);
      put(c, f32x4.mul(get(c, N - j), factor), N - j);
    }
    store<f32>(label, (p - 1) * scale);
  }
}
