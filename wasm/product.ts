import { at, begin, get, int, lanes, madd, put } from "./core";

/** Products straight from where the operands lie: for few rows, small nets and outer products, where packing costs more. */

/** (a, b, c, M, N, K, am, ak): c [M, N] = sum over k of a[m am + k ak] b[k N + n]; NN and TN by their strides. Parts are rows. */
export function product(call: usize, part: i32, parts: i32): void {
  const N = int(call, 4);
  const K = int(call, 5);
  const am = at(call, 6) << 2;
  const ak = at(call, 7) << 2;
  const b = at(call, 1);
  const end = begin(int(call, 3), part + 1, parts, 4);
  let m = begin(int(call, 3), part, parts, 4);
  for (; m + 4 <= end; m += 4) {
    fourRows(at(call, 0) + <usize>m * am, b, at(call, 2) + (<usize>(m * N) << 2), N, K, am, ak);
  }
  for (; m < end; m++) oneRow(at(call, 0) + <usize>m * am, b, at(call, 2) + (<usize>(m * N) << 2), N, K, ak);
}

function fourRows(a: usize, b: usize, c: usize, N: i32, K: i32, am: usize, ak: usize): void {
  const stride = <usize>N << 2;
  const a1 = am;
  const a2 = am + am;
  const a3 = a2 + am;
  let n = 0;
  for (; n + 8 <= N; n += 8) {
    let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
    let pa = a;
    let pb = b + (<usize>n << 2);
    for (let k = 0; k < K; k++) {
      const b0 = v128.load(pb);
      const b1 = v128.load(pb, 16);
      let v = v128.load32_splat(pa);
      c00 = madd(v, b0, c00);
      c01 = madd(v, b1, c01);
      v = v128.load32_splat(pa + a1);
      c10 = madd(v, b0, c10);
      c11 = madd(v, b1, c11);
      v = v128.load32_splat(pa + a2);
      c20 = madd(v, b0, c20);
      c21 = madd(v, b1, c21);
      v = v128.load32_splat(pa + a3);
      c30 = madd(v, b0, c30);
      c31 = madd(v, b1, c31);
      pa += ak;
      pb += stride;
    }
    let pc = c + (<usize>n << 2);
    v128.store(pc, c00);
    v128.store(pc, c01, 16);
    pc += stride;
    v128.store(pc, c10);
    v128.store(pc, c11, 16);
    pc += stride;
    v128.store(pc, c20);
    v128.store(pc, c21, 16);
    pc += stride;
    v128.store(pc, c30);
    v128.store(pc, c31, 16);
  }
  for (; n < N; n += 4) {
    const count = N - n;
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
    let pa = a;
    let pb = b + (<usize>n << 2);
    for (let k = 0; k < K; k++) {
      const v = get(pb, count);
      c0 = madd(v128.load32_splat(pa), v, c0);
      c1 = madd(v128.load32_splat(pa + a1), v, c1);
      c2 = madd(v128.load32_splat(pa + a2), v, c2);
      c3 = madd(v128.load32_splat(pa + a3), v, c3);
      pa += ak;
      pb += stride;
    }
    const pc = c + (<usize>n << 2);
    put(pc, c0, count);
    put(pc + stride, c1, count);
    put(pc + 2 * stride, c2, count);
    put(pc + 3 * stride, c3, count);
  }
}

function oneRow(a: usize, b: usize, c: usize, N: i32, K: i32, ak: usize): void {
  const stride = <usize>N << 2;
  let n = 0;
  for (; n + 16 <= N; n += 16) {
    let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
    let pa = a;
    let pb = b + (<usize>n << 2);
    for (let k = 0; k < K; k++) {
      const v = v128.load32_splat(pa);
      c0 = madd(v, v128.load(pb), c0);
      c1 = madd(v, v128.load(pb, 16), c1);
      c2 = madd(v, v128.load(pb, 32), c2);
      c3 = madd(v, v128.load(pb, 48), c3);
      pa += ak;
      pb += stride;
    }
    const pc = c + (<usize>n << 2);
    v128.store(pc, c0);
    v128.store(pc, c1, 16);
    v128.store(pc, c2, 32);
    v128.store(pc, c3, 48);
  }
  for (; n < N; n += 4) {
    let sum = f32x4.splat(0);
    let pa = a;
    let pb = b + (<usize>n << 2);
    for (let k = 0; k < K; k++) {
      sum = madd(v128.load32_splat(pa), get(pb, N - n), sum);
      pa += ak;
      pb += stride;
    }
    put(c + (<usize>n << 2), sum, N - n);
  }
}

/** (a, b, c, M, N, K): c [M, N] = a [M, K] times b [N, K] transposed, each element a dot product. Parts are columns. */
export function dots(call: usize, part: i32, parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const K = int(call, 5);
  const row = <usize>K << 2;
  const last = begin(N, part + 1, parts, 16);
  for (let m = 0; m < M; m++) {
    const a = at(call, 0) + <usize>m * row;
    const c = at(call, 2) + (<usize>(m * N) << 2);
    let n = begin(N, part, parts, 16);
    for (; n + 4 <= last; n += 4) {
      const b = at(call, 1) + <usize>n * row;
      let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
      let k = 0;
      for (; k + 4 <= K; k += 4) {
        const p = b + (<usize>k << 2);
        const v = v128.load(a + (<usize>k << 2));
        c0 = madd(v, v128.load(p), c0);
        c1 = madd(v, v128.load(p + row), c1);
        c2 = madd(v, v128.load(p + 2 * row), c2);
        c3 = madd(v, v128.load(p + 3 * row), c3);
      }
      if (k < K) {
        const p = b + (<usize>k << 2);
        const v = get(a + (<usize>k << 2), K - k);
        c0 = madd(v, get(p, K - k), c0);
        c1 = madd(v, get(p + row, K - k), c1);
        c2 = madd(v, get(p + 2 * row, K - k), c2);
        c3 = madd(v, get(p + 3 * row, K - k), c3);
      }
      // The four sums of lanes at once: transpose, then add.
      const t0 = i32x4.shuffle(c0, c1, 0, 4, 1, 5);
      const t1 = i32x4.shuffle(c0, c1, 2, 6, 3, 7);
      const t2 = i32x4.shuffle(c2, c3, 0, 4, 1, 5);
      const t3 = i32x4.shuffle(c2, c3, 2, 6, 3, 7);
      const s01 = f32x4.add(t0, t1);
      const s23 = f32x4.add(t2, t3);
      const sum = f32x4.add(i64x2.shuffle(s01, s23, 0, 2), i64x2.shuffle(s01, s23, 1, 3));
      v128.store(c + (<usize>n << 2), sum);
    }
    for (; n < last; n++) {
      const b = at(call, 1) + <usize>n * row;
      let sum = f32x4.splat(0);
      for (let k = 0; k < K; k += 4) sum = madd(get(a + (<usize>k << 2), K - k), get(b + (<usize>k << 2), K - k), sum);
      store<f32>(c + (<usize>n << 2), lanes(sum));
    }
  }
}
