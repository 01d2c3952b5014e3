import { at, begin, int, madd } from "./core";
import { spread } from "./conv-planes";

/**
 * A convolution by kernels of 3 x 3 that move place by place, as Winograd's F(2 x 2, 3 x 3): four places of the result, a
 * tile, of sixteen products a channel instead of thirty-six. Kernels are turned once (u), tiles of what is read by additions
 * (v), products are sums over channels of each of the sixteen, and four results come of them by additions again. Element
 * 4 q + r of a turned kernel or tile is that of row r and column q.
 */

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7);
}

/** Turned along one side: of the three elements a step apart, the element r of four. */
// @ts-ignore: decorator
@inline
function turned(a: f32, b: f32, c: f32, r: i32): f32 {
  if (r == 0) return a;
  if (r == 3) return c;
  return r == 1 ? 0.5 * (a + b + c) : 0.5 * (a - b + c);
}

/**
 * (w, u, M, C, strides in w of a row and a channel, first element of a kernel and the step to the next): u [16, M in fours, C].
 * Rows behind the last are those of the last. Parts are rows.
 */
export function turnKernels(call: usize, part: i32, parts: i32): void {
  const M = int(call, 2);
  const C = int(call, 3);
  const step = int(call, 7) << 2;
  const rows = (M + 3) & ~3;
  const plane = <usize>(rows * C) << 2;
  const end = begin(rows, part + 1, parts, 1);
  for (let m = begin(rows, part, parts, 1); m < end; m++) {
    const row = at(call, 0) + (<usize>(min(m, M - 1) * int(call, 4) + int(call, 6)) << 2);
    for (let c = 0; c < C; c++) {
      const w = row + (<usize>(c * int(call, 5)) << 2);
      const u = at(call, 1) + (<usize>(m * C + c) << 2);
      for (let r = 0; r < 4; r++) {
        const a = turned(load<f32>(w), load<f32>(w + 3 * step), load<f32>(w + 6 * step), r);
        const b = turned(load<f32>(w + step), load<f32>(w + 4 * step), load<f32>(w + 7 * step), r);
        const d = turned(load<f32>(w + 2 * step), load<f32>(w + 5 * step), load<f32>(w + 8 * step), r);
        for (let q = 0; q < 4; q++) store<f32>(u + <usize>(4 * q + r) * plane, turned(a, b, d, q));
      }
    }
  }
}

/**
 * (source, u, y, scratch, n, C, M, rows and columns of y, rows of tiles, tiles in a row, rows of tiles in a band, tiles of a
 * band in eights, floats of a part's scratch, the nine words of conv-planes). Parts are bands of images.
 */
export function winograd(call: usize, part: i32, parts: i32): void {
  const C = int(call, 5);
  const M = int(call, 6);
  const down = int(call, 9);
  const band = int(call, 11);
  const wide = int(call, 12);
  const planes = at(call, 3) + (<usize>(part * int(call, 13)) << 2);
  const v = planes + (<usize>(C * int(call, 22)) << 2);
  const sums = v + (<usize>(16 * C * wide) << 2);
  const bands = (down + band - 1) / band;
  const end = begin(int(call, 4) * bands, part + 1, parts, 1);
  for (let unit = begin(int(call, 4) * bands, part, parts, 1); unit < end; unit++) {
    const image = unit / bands;
    const first = (unit % bands) * band;
    const last = min(down, first + band);
    const source = at(call, 0) + (<usize>(image * C * int(call, 14) * int(call, 15)) << 2);
    spread(call, 14, source, planes, 0, C, 2 * first, 2 * last + 2);
    turnTiles(call, planes, v, first, last);
    multiply(call, v, sums, (last - first) * int(call, 10));
    leave(call, sums, at(call, 2) + (<usize>(image * M * int(call, 7) * int(call, 8)) << 2), first, last);
  }
}

// @ts-ignore: decorator
@inline
function lay(p: usize, four: v128, plane: usize): void {
  v128.store_lane<f32>(p, four, 0);
  v128.store_lane<f32>(p + plane, four, 1);
  v128.store_lane<f32>(p + 2 * plane, four, 2);
  v128.store_lane<f32>(p + 3 * plane, four, 3);
}

/** v [16, C, tiles] of rows of tiles [first, last). */
function turnTiles(call: usize, planes: usize, v: usize, first: i32, last: i32): void {
  const C = int(call, 5);
  const across = int(call, 10);
  const wide = int(call, 12);
  const plane = <usize>(C * wide) << 2;
  const pitch = <usize>int(call, 21) << 2;
  for (let c = 0; c < C; c++) {
    let out = v + (<usize>(c * wide) << 2);
    for (let tr = first; tr < last; tr++) {
      let x = planes + (<usize>(c * int(call, 22)) << 2) + <usize>(2 * tr) * pitch;
      for (let tc = 0; tc < across; tc++) {
        const x1 = v128.load(x + pitch);
        const x2 = v128.load(x + 2 * pitch);
        const a0 = f32x4.sub(v128.load(x), x2);
        const a1 = f32x4.add(x1, x2);
        const a2 = f32x4.sub(x2, x1);
        const a3 = f32x4.sub(x1, v128.load(x + 3 * pitch));
        const b0 = low(a0, a2);
        const b1 = low(a1, a3);
        const b2 = high(a0, a2);
        const b3 = high(a1, a3);
        const d1 = high(b0, b1);
        const d2 = low(b2, b3);
        lay(out, f32x4.sub(low(b0, b1), d2), plane);
        lay(out + 4 * plane, f32x4.add(d1, d2), plane);
        lay(out + 8 * plane, f32x4.sub(d2, d1), plane);
        lay(out + 12 * plane, f32x4.sub(d1, high(b2, b3)), plane);
        out += 4;
        x += 8;
      }
    }
  }
}

/** sums [16, M in fours, tiles] = u v, each of the sixteen by itself. */
function multiply(call: usize, v: usize, sums: usize, tiles: i32): void {
  const C = int(call, 5);
  const rows = (int(call, 6) + 3) & ~3;
  const pitch = <usize>int(call, 12) << 2;
  const row = <usize>C << 2;
  for (let e: usize = 0; e < 16; e++) {
    const left = at(call, 1) + e * <usize>rows * row;
    const right = v + e * <usize>C * pitch;
    const to = sums + e * <usize>rows * pitch;
    for (let j: usize = 0; j < <usize>tiles << 2; j += 32) {
      for (let m = 0; m < rows; m += 4) {
        let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        let a = left + <usize>m * row;
        let b = right + j;
        const stop = a + row;
        while (a < stop) {
          const b0 = v128.load(b);
          const b1 = v128.load(b, 16);
          let f = v128.load32_splat(a);
          c00 = madd(f, b0, c00);
          c01 = madd(f, b1, c01);
          f = v128.load32_splat(a + row);
          c10 = madd(f, b0, c10);
          c11 = madd(f, b1, c11);
          f = v128.load32_splat(a + 2 * row);
          c20 = madd(f, b0, c20);
          c21 = madd(f, b1, c21);
          f = v128.load32_splat(a + 3 * row);
          c30 = madd(f, b0, c30);
          c31 = madd(f, b1, c31);
          a += 4;
          b += pitch;
        }
        const out = to + <usize>m * pitch + j;
        v128.store(out, c00);
        v128.store(out, c01, 16);
        v128.store(out + pitch, c10);
        v128.store(out + pitch, c11, 16);
        v128.store(out + 2 * pitch, c20);
        v128.store(out + 2 * pitch, c21, 16);
        v128.store(out + 3 * pitch, c30);
        v128.store(out + 3 * pitch, c31, 16);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function head(p: usize, plane: usize): v128 {
  return f32x4.add(f32x4.add(v128.load(p), v128.load(p + 4 * plane)), v128.load(p + 8 * plane));
}

// @ts-ignore: decorator
@inline
function tail(p: usize, plane: usize): v128 {
  return f32x4.sub(f32x4.sub(v128.load(p + 4 * plane), v128.load(p + 8 * plane)), v128.load(p + 12 * plane));
}

/** The results of rows of tiles [first, last), four tiles at a time. */
function leave(call: usize, sums: usize, y: usize, first: i32, last: i32): void {
  const M = int(call, 6);
  const rows = int(call, 7);
  const columns = int(call, 8);
  const across = int(call, 10);
  const wide = int(call, 12);
  const plane = <usize>(((M + 3) & ~3) * wide) << 2;
  const tiles = (last - first) * across;
  for (let m = 0; m < M; m++) {
    const out = y + (<usize>(m * rows * columns) << 2);
    for (let t = 0; t < tiles; t += 4) {
      const p = sums + (<usize>(m * wide + t) << 2);
      const g1 = head(p + plane, plane);
      const g2 = head(p + 2 * plane, plane);
      const h1 = tail(p + plane, plane);
      const h2 = tail(p + 2 * plane, plane);
      let y00 = f32x4.add(f32x4.add(head(p, plane), g1), g2);
      let y10 = f32x4.sub(f32x4.sub(g1, g2), head(p + 3 * plane, plane));
      let y01 = f32x4.add(f32x4.add(tail(p, plane), h1), h2);
      let y11 = f32x4.sub(f32x4.sub(h1, h2), tail(p + 3 * plane, plane));
      for (let k = 0; k < 4 && t + k < tiles; k++) {
        const r = 2 * (first + (t + k) / across);
        const c = 2 * ((t + k) % across);
        const to = out + (<usize>(r * columns + c) << 2);
        const both = c + 1 < columns;
        store<f32>(to, f32x4.extract_lane(y00, 0));
        if (both) store<f32>(to, f32x4.extract_lane(y01, 0), 4);
        if (r + 1 < rows) {
          const under = to + (<usize>columns << 2);
          store<f32>(under, f32x4.extract_lane(y10, 0));
          if (both) store<f32>(under, f32x4.extract_lane(y11, 0), 4);
        }
        // The wanted lane comes to the front by one rotation a turn.
        y00 = i32x4.shuffle(y00, y00, 1, 2, 3, 0);
        y01 = i32x4.shuffle(y01, y01, 1, 2, 3, 0);
        y10 = i32x4.shuffle(y10, y10, 1, 2, 3, 0);
        y11 = i32x4.shuffle(y11, y11, 1, 2, 3, 0);
      }
    }
  }
}
