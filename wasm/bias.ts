import { at, begin, get, int, put } from "./core";

/** (a, b, y, n): y = a + b */
export function add(call: usize, part: i32, parts: i32): void {
  const a = at(call, 0);
  const b = at(call, 1);
  const y = at(call, 2);
  const n = int(call, 3);
  const end = begin(n, part + 1, parts, 16);
  let i = begin(n, part, parts, 16);
  for (; i + 4 <= end; i += 4) {
    const o = <usize>i << 2;
    v128.store(y + o, f32x4.add(v128.load(a + o), v128.load(b + o)));
  }
  if (i < end) {
    const o = <usize>i << 2;
    put(y + o, f32x4.add(get(a + o, end - i), get(b + o, end - i)), end - i);
  }
}

/** (x, b, y, M, N): y [M, N] = x + b [N] for every row; y may be x. */
export function addBias(call: usize, part: i32, parts: i32): void {
  const b = at(call, 1);
  const M = int(call, 3);
  const N = int(call, 4);
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const o = <usize>(m * N) << 2;
    const x = at(call, 0) + o;
    const y = at(call, 2) + o;
    let n = 0;
    for (; n + 4 <= N; n += 4) {
      const c = <usize>n << 2;
      v128.store(y + c, f32x4.add(v128.load(x + c), v128.load(b + c)));
    }
    if (n < N) {
      const c = <usize>n << 2;
      put(y + c, f32x4.add(get(x + c, N - n), get(b + c, N - n)), N - n);
    }
  }
}

/** (x, y, M, N): y [N] = sum over the rows of x [M, N]. Parts are columns, which go by sixteen: a line of the cache. */
export function sumRows(call: usize, part: i32, parts: i32): void {
  const x = at(call, 0);
  const y = at(call, 1);
  const M = int(call, 2);
  const N = int(call, 3);
  const stride = <usize>N << 2;
  const end = begin(N, part + 1, parts, 16);
  let n = begin(N, part, parts, 16);
  for (; n + 16 <= end; n += 16) {
    let row = x + (<usize>n << 2);
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let m = 0; m < M; m++) {
      s0 = f32x4.add(s0, v128.load(row));
      s1 = f32x4.add(s1, v128.load(row, 16));
      s2 = f32x4.add(s2, v128.load(row, 32));
      s3 = f32x4.add(s3, v128.load(row, 48));
      row += stride;
    }
    const to = y + (<usize>n << 2);
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (; n < end; n += 4) {
    const count = end - n;
    const column = x + (<usize>n << 2);
    let sum = f32x4.splat(0);
    for (let m = 0; m < M; m++) sum = f32x4.add(sum, get(column + <usize>m * stride, count));
    put(y + (<usize>n << 2), sum, count);
  }
}
