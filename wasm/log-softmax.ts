import { addWide, at, begin, get, int, put, wideTotal } from "./core";
import { exp4, logOf } from "./math";
import { expSum, largest } from "./rows";

/** (x, y, M, N): y = log(softmax) of each row. */
export function logSoftmax(call: usize, part: i32, parts: i32): void {
  const M = int(call, 2);
  const N = int(call, 3);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const x = at(call, 0) + o;
    const y = at(call, 1) + o;
    const most = largest(x, N);
    const top = f32x4.splat(most);
    const log = f32x4.splat(<f32>logOf(<f64>expSum(x, N, most, 0)));
    for (let j = 0; j < N; j += 4) {
      const c = <usize>j << 2;
      put(y + c, f32x4.sub(f32x4.sub(get(x + c, N - j), top), log), N - j);
    }
  }
}

/** (dy, y, dx, M, N): dx = dy - exp(y) sum(dy) row by row. */
export function logSoftmaxGradient(call: usize, part: i32, parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const dy = at(call, 0) + o;
    const y = at(call, 1) + o;
    let sum = f64x2.splat(0);
    for (let j = 0; j < N; j += 4) sum = addWide(sum, get(dy + (<usize>j << 2), N - j));
    const all = f32x4.splat(<f32>wideTotal(sum));
    for (let j = 0; j < N; j += 4) {
      const c = <usize>j << 2;
      const p = exp4(get(y + c, N - j));
      put(at(call, 2) + o + c, f32x4.sub(get(dy + c, N - j), f32x4.mul(p, all)), N - j);
    }
  }
}
