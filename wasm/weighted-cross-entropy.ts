import { at, begin, float, get, int, put } from "./core";
import { logOf } from "./math";
import { expSum, largest } from "./rows";

/** (labels, weights, sums, M, N): sums [2] = the rows' weights, and the classes', added up in f64; NaN for rows of which none counts. */
export function classWeightSums(call: usize, _part: i32, _parts: i32): void {
  const weights = at(call, 1);
  let rows: f64 = 0;
  for (let m = 0; m < int(call, 3); m++) {
    const label = load<i32>(at(call, 0) + (<usize>m << 2));
    if (label >= 0) rows += <f64>load<f32>(weights + (<usize>label << 2));
  }
  let classes: f64 = 0;
  for (let j = 0; j < int(call, 4); j++) classes += <f64>load<f32>(weights + (<usize>j << 2));
  store<f32>(at(call, 2), rows == 0 ? <f32>NaN : <f32>rows);
  store<f32>(at(call, 2), <f32>classes, 4);
}

/** (x, labels, weights, sums, y, M, N, smoothing): y [1] = the loss, added up in f64. Negative labels do not count. */
export function weightedCrossEntropy(call: usize, _part: i32, _parts: i32): void {
  const M = int(call, 5);
  const N = int(call, 6);
  const weights = at(call, 2);
  const smoothing = <f64>float(call, 7);
  let loss: f64 = 0;
  for (let m = 0; m < M; m++) {
    const x = at(call, 0) + (<usize>(m * N) << 2);
    const index = load<i32>(at(call, 1) + (<usize>m << 2));
    if (index < 0) continue;
    const label = <usize>index << 2;
    const top = largest(x, N);
    const logSum = logOf(<f64>expSum(x, N, top, 0));
    let smooth: f64 = 0;
    for (let j = 0; smoothing != 0 && j < N; j++) {
      const o = <usize>j << 2;
      smooth += <f64>load<f32>(weights + o) * (logSum - (<f64>load<f32>(x + o) - <f64>top));
    }
    const own = <f64>load<f32>(weights + label) * (logSum - (<f64>load<f32>(x + label) - <f64>top));
    loss += (1 - smoothing) * own + (smoothing / <f64>N) * smooth;
  }
  store<f32>(at(call, 4), <f32>(loss / <f64>load<f32>(at(call, 3))));
}

/** (x, labels, dloss, weights, sums, dx, M, N, smoothing) */
export function weightedCrossEntropyGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 6);
  const N = int(call, 7);
  const weights = at(call, 3);
  const smoothing = float(call, 8);
  const share = smoothing / <f32>N;
  const scale = load<f32>(at(call, 2)) / load<f32>(at(call, 4));
  const all = load<f32>(at(call, 4), 4);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const row = <usize>(m * N) << 2;
    const x = at(call, 0) + row;
    const dx = at(call, 5) + row;
    const label = load<i32>(at(call, 1) + (<usize>m << 2));
    if (label < 0) {
      memory.fill(dx, 0, <usize>N << 2);
      continue;
    }
    const sum = expSum(x, N, largest(x, N), dx);
    const target = <usize>label << 2;
    const own = (<f32>1 - smoothing) * load<f32>(weights + target);
    const p = load<f32>(dx + target) / sum;
    for (let j = 0; j < N; j += 4) {
      const o = <usize>j << 2;
      const each = f32x4.div(get(dx + o, N - j), f32x4.splat(sum));
      const spread = f32x4.sub(f32x4.mul(f32x4.splat(all), each), get(weights + o, N - j));
      const slope = f32x4.add(f32x4.mul(f32x4.splat(own), each), f32x4.mul(f32x4.splat(share), spread));
      put(dx + o, f32x4.mul(slope, f32x4.splat(scale)), N - j);
    }
    store<f32>(dx + target, (own * (p - 1) + share * (all * p - load<f32>(weights + target))) * scale);
  }
}
