import { at, begin, int, madd } from "./core";
import { spread } from "./conv-planes";

/**
 * Convolution as a product whose right operand is read through an index: rows are channels of the result, columns its
 * places, and a term of the sum is a channel of what is read and a place of the kernel. Columns are read where they lie
 * (conv-planes.ts), eight neighbours at once; a table says how far from the first term's each term's are. The kernel is
 * packed in panels as in panels.ts. The gradient of the input is the same product: with a stride its places are divided
 * by their remainder, and each residue has terms of its own.
 */
const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
/** Rows of the result, and terms, after which results go to memory: so much of the kernel stays in the second cache. */
const MC: i32 = 72;
const KC: i32 = 384;
/** Rows for which panels have room: whole panels in both builds. */
const ROOM: i32 = 12;

/**
 * (w, panels, table, groups, M, C, then the strides in w of group, row and channel, first float of panels, first of the
 * table, floats that a channel takes in planes, taps, then for each tap its place in w and in planes): panels of row m and
 * term (channel, tap), and the table in bytes. Parts are panels of all groups.
 */
export function packKernel(call: usize, part: i32, parts: i32): void {
  const groups = int(call, 3);
  const M = int(call, 4);
  const C = int(call, 5);
  const taps = int(call, 12);
  const K = C * taps;
  const across = (M + MR - 1) / MR;
  const room = ((M + ROOM - 1) / ROOM) * ROOM;
  if (part == 0) {
    let t = at(call, 2) + (<usize>int(call, 10) << 2);
    for (let c = 0; c < C; c++) {
      for (let k = 0; k < taps; k++, t += 4) store<i32>(t, (c * int(call, 11) + int(call, 14 + 2 * k)) << 2);
    }
  }
  const end = begin(groups * across, part + 1, parts, 1);
  for (let p = begin(groups * across, part, parts, 1); p < end; p++) {
    const group = p / across;
    const m0 = (p % across) * MR;
    const w = at(call, 0) + (<usize>(group * int(call, 6) + m0 * int(call, 7)) << 2);
    let out = at(call, 1) + (<usize>(int(call, 9) + group * room * K + m0 * K) << 2);
    const rows = min(MR, M - m0);
    const row = <usize>int(call, 7) << 2;
    for (let c = 0; c < C; c++) {
      for (let k = 0; k < taps; k++) {
        let from = w + (<usize>(c * int(call, 8) + int(call, 13 + 2 * k)) << 2);
        for (let i = 0; i < rows; i++) {
          store<f32>(out + (<usize>i << 2), load<f32>(from));
          from += row;
        }
        for (let i = rows; i < MR; i++) store<f32>(out + (<usize>i << 2), 0);
        out += MR << 2;
      }
    }
  }
}

/**
 * (source, panels, table, y, planes, n, groups, C, M, floats of a part's planes, blocks, the nine words of conv-planes,
 * rows and columns of y, steps along both, residues, then for each: first row and column, rows and columns, terms, first
 * of the table, first float of panels). Parts are blocks of rows of a group of an image.
 */
export function convolve(call: usize, part: i32, parts: i32): void {
  const groups = int(call, 6);
  const C = int(call, 7);
  const M = int(call, 8);
  const blocks = int(call, 10);
  const R = int(call, 17);
  const planes = at(call, 4) + (<usize>(part * int(call, 9)) << 2);
  const image = <usize>(C * int(call, 11) * int(call, 12)) << 2;
  const result = <usize>(M * int(call, 20) * int(call, 21)) << 2;
  // The fewest and the most rows of y that a residue has: so much further than its own rows a block reads.
  const most = (int(call, 20) + int(call, 22) - 1) / int(call, 22);
  const reach = R - max(1, int(call, 20) / int(call, 22));
  const units = int(call, 5) * groups * blocks;
  const end = begin(units, part + 1, parts, 1);
  for (let u = begin(units, part, parts, 1); u < end; u++) {
    const place = u / blocks;
    const j0 = begin(most, u % blocks, blocks, 1);
    const j1 = begin(most, (u % blocks) + 1, blocks, 1);
    if (j0 >= j1) continue;
    spread(call, 11, at(call, 0) + <usize>place * image, planes, 0, C, j0, min(R, j1 + reach));
    for (let r = 0; r < int(call, 24); r++) {
      residue(call, 25 + 7 * r, place % groups, planes, at(call, 3) + <usize>place * result, j0, j1);
    }
  }
}

/** Rows [j0, j1) of one residue of one group of one image. `first` is the number of the words that describe it. */
function residue(call: usize, first: i32, group: i32, planes: usize, y: usize, j0: i32, j1: i32): void {
  const M = int(call, 8);
  const pitch = int(call, 18);
  const columns = int(call, 21);
  const channel = <usize>(int(call, 20) * columns) << 2;
  const stepR = int(call, 22);
  const stepC = <usize>int(call, 23) << 2;
  const rowsHere = min(j1, int(call, first + 2));
  const columnsHere = int(call, first + 3);
  const K = int(call, first + 4);
  const table = at(call, 2) + (<usize>int(call, first + 5) << 2);
  const room = ((M + ROOM - 1) / ROOM) * ROOM;
  const panels = at(call, 1) + (<usize>(int(call, first + 6) + group * room * K) << 2);
  const out = y + (<usize>(int(call, first) * columns + int(call, first + 1)) << 2);
  let k = 0;
  do {
    const depth = min(KC, K - k);
    for (let m0 = 0; m0 < M; m0 += MC) {
      const m1 = min(M, m0 + MC);
      for (let j = j0; j < rowsHere; j++) {
        const line = out + (<usize>(j * stepR * columns) << 2);
        const x = planes + (<usize>(j * pitch) << 2);
        if (M == 1) {
          const pa = panels + (<usize>(k * MR) << 2);
          for (let q = 0; q < columnsHere; q += 16) {
            single(pa, x + (<usize>q << 2), table + (<usize>k << 2), depth, line + <usize>q * stepC, stepC, columnsHere - q, k == 0);
          }
          continue;
        }
        for (let q = 0; q < columnsHere; q += 8) {
          const count = min(8, columnsHere - q);
          for (let m = m0; m < m1; m += MR) {
            const pa = panels + (<usize>(m * K + k * MR) << 2);
            const c = line + <usize>m * channel + <usize>q * stepC;
            const b = x + (<usize>q << 2);
            const t = table + (<usize>k << 2);
            const rows = min(MR, m1 - m);
            if (MR == 6 && rows > 4) {
              if (count > 4) tile6x8(pa, b, t, depth, c, channel, stepC, rows, count, k == 0);
              else tile6x4(pa, b, t, depth, c, channel, stepC, rows, count, k == 0);
            } else if (count > 4) tile4x8(pa, b, t, depth, c, channel, stepC, rows, count, k == 0);
            else tile4x4(pa, b, t, depth, c, channel, stepC, rows, count, k == 0);
          }
        }
      }
    }
    k += KC;
  } while (k < K);
}

function tile6x8(pa: usize, b: usize, t: usize, depth: i32, c: usize, channel: usize, step: usize, rows: i32, count: i32, fresh: bool): void {
  tile(true, true, pa, b, t, depth, c, channel, step, rows, count, fresh);
}

function tile6x4(pa: usize, b: usize, t: usize, depth: i32, c: usize, channel: usize, step: usize, rows: i32, count: i32, fresh: bool): void {
  tile(true, false, pa, b, t, depth, c, channel, step, rows, count, fresh);
}

function tile4x8(pa: usize, b: usize, t: usize, depth: i32, c: usize, channel: usize, step: usize, rows: i32, count: i32, fresh: bool): void {
  tile(false, true, pa, b, t, depth, c, channel, step, rows, count, fresh);
}

function tile4x4(pa: usize, b: usize, t: usize, depth: i32, c: usize, channel: usize, step: usize, rows: i32, count: i32, fresh: bool): void {
  tile(false, false, pa, b, t, depth, c, channel, step, rows, count, fresh);
}

/** Adds depth products to a tile of the result, or begins it: 6 rows or 4, 8 columns or 4. */
// @ts-ignore: decorator
@inline
function tile(
  six: bool, wide: bool, pa: usize, b: usize, t: usize, depth: i32, c: usize, channel: usize, step: usize,
  rows: i32, count: i32, fresh: bool,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
  let c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  const stop = t + (<usize>max(depth, 0) << 2);
  for (; t < stop; t += 4) {
    const x = b + <usize>load<u32>(t);
    const b0 = v128.load(x);
    const b1 = wide ? v128.load(x, 16) : b0;
    let a = v128.load32_splat(pa);
    c00 = madd(a, b0, c00);
    if (wide) c01 = madd(a, b1, c01);
    a = v128.load32_splat(pa, 4);
    c10 = madd(a, b0, c10);
    if (wide) c11 = madd(a, b1, c11);
    a = v128.load32_splat(pa, 8);
    c20 = madd(a, b0, c20);
    if (wide) c21 = madd(a, b1, c21);
    a = v128.load32_splat(pa, 12);
    c30 = madd(a, b0, c30);
    if (wide) c31 = madd(a, b1, c31);
    if (six) {
      a = v128.load32_splat(pa, 16);
      c40 = madd(a, b0, c40);
      if (wide) c41 = madd(a, b1, c41);
      a = v128.load32_splat(pa, 20);
      c50 = madd(a, b0, c50);
      if (wide) c51 = madd(a, b1, c51);
    }
    pa += MR << 2;
  }
  line(c, c00, c01, step, count, fresh);
  if (rows > 1) line(c + channel, c10, c11, step, count, fresh);
  if (rows > 2) line(c + 2 * channel, c20, c21, step, count, fresh);
  if (rows > 3) line(c + 3 * channel, c30, c31, step, count, fresh);
  if (six && rows > 4) line(c + 4 * channel, c40, c41, step, count, fresh);
  if (six && rows > 5) line(c + 5 * channel, c50, c51, step, count, fresh);
}

/** One row and up to sixteen columns: what a channel by itself is. */
function single(pa: usize, b: usize, t: usize, depth: i32, c: usize, step: usize, count: i32, fresh: bool): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  const stop = t + (<usize>max(depth, 0) << 2);
  for (; t < stop; t += 4) {
    const x = b + <usize>load<u32>(t);
    const a = v128.load32_splat(pa);
    c0 = madd(a, v128.load(x), c0);
    c1 = madd(a, v128.load(x, 16), c1);
    c2 = madd(a, v128.load(x, 32), c2);
    c3 = madd(a, v128.load(x, 48), c3);
    pa += MR << 2;
  }
  line(c, c0, c1, step, min(count, 8), fresh);
  if (count > 8) line(c + 8 * step, c2, c3, step, min(count - 8, 8), fresh);
}

/** `count` results, `step` bytes apart, of eight. */
function line(c: usize, low: v128, high: v128, step: usize, count: i32, fresh: bool): void {
  if (step == 4 && count >= 4) {
    v128.store(c, fresh ? low : f32x4.add(v128.load(c), low));
    if (count == 8) {
      v128.store(c, fresh ? high : f32x4.add(v128.load(c, 16), high), 16);
      return;
    }
    c += 16;
    count -= 4;
    low = high;
  }
  for (let n = 0; n < count; n++) {
    // The wanted lane comes to the front by one rotation a turn.
    const x = f32x4.extract_lane(low, 0);
    store<f32>(c, fresh ? x : load<f32>(c) + x);
    c += step;
    low = i32x4.shuffle(low, low, 1, 2, 3, 0);
    if (n == 3) low = high;
  }
}
