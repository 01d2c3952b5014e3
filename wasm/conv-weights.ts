import { spread } from "./conv-planes";
import { at, begin, int, lanes, madd } from "./core";

/**
 * The gradient of a convolution's kernel: for each row (a channel of dy) and column (a channel of x and a place of the
 * kernel) the sum of products over all places, four places at once. x lies in planes (conv-planes.ts), dy in panels of
 * rows with the planes' distance between lines, zeros between. Sums stay in four lanes until the last image is through.
 */
const MR: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;

/**
 * (x, dy, dw, scratch, n, groups, C, M, stretches of rows, stretches of columns, floats of a part's scratch, the nine
 * words of conv-planes, rows and columns of dy, taps, then for each its place in planes). Parts are pieces of dw: stretches
 * of rows and of channels in a group.
 */
export function convWeights(call: usize, part: i32, parts: i32): void {
  const groups = int(call, 5);
  const C = int(call, 6);
  const M = int(call, 7);
  const across = int(call, 9);
  const room = int(call, 19);
  const taps = int(call, 22);
  const image = int(call, 11) * int(call, 12);
  const places = int(call, 20) * int(call, 21);
  const steps = (int(call, 20) * int(call, 18) + 3) >> 2;
  const planes = at(call, 3) + (<usize>(part * int(call, 10)) << 2);
  const units = groups * int(call, 8) * across;
  const end = begin(units, part + 1, parts, 1);
  for (let u = begin(units, part, parts, 1); u < end; u++) {
    const group = u / (int(call, 8) * across);
    const m0 = begin(M, (u / across) % int(call, 8), int(call, 8), 1);
    const m1 = begin(M, ((u / across) % int(call, 8)) + 1, int(call, 8), 1);
    const c0 = begin(C, u % across, across, 1);
    const c1 = begin(C, (u % across) + 1, across, 1);
    const rows = m1 - m0;
    const columns = (c1 - c0) * taps;
    const panels = planes + (<usize>((c1 - c0) * room) << 2);
    const tall = (rows + MR - 1) / MR;
    const sums = panels + (<usize>(tall * MR * steps) << 4);
    const pairs = (columns + 1) >> 1;
    memory.fill(panels, 0, <usize>(tall * MR * steps) << 4);
    memory.fill(sums, 0, <usize>(tall * MR * pairs) << 5);
    for (let n = 0; n < int(call, 4); n++) {
      const x = at(call, 0) + (<usize>((n * groups + group) * C * image) << 2);
      spread(call, 11, x, planes, c0, c1, 0, int(call, 17));
      packRows(call, at(call, 1) + (<usize>(((n * groups + group) * M + m0) * places) << 2), panels, rows, steps);
      for (let p = 0; p < tall; p++) {
        const pa = panels + (<usize>(p * MR * steps) << 4);
        let sum = sums + (<usize>(p * MR * pairs) << 5);
        for (let k = 0; k < columns; k += 2) {
          const x0 = planes + column(call, k, room, taps);
          const x1 = planes + column(call, min(k + 1, columns - 1), room, taps);
          const here = rows - p * MR;
          if (here == 1) tile1(pa, x0, x1, steps, sum);
          else if (MR == 6 && here > 4) tile6(pa, x0, x1, steps, sum);
          else tile4(pa, x0, x1, steps, sum);
          sum += MR << 5;
        }
      }
    }
    const dw = at(call, 2) + (<usize>((group * M + m0) * C * taps + c0 * taps) << 2);
    for (let m = 0; m < rows; m++) {
      for (let k = 0; k < columns; k++) {
        const tile = sums + (<usize>(((m / MR) * pairs + (k >> 1)) * MR) << 5);
        const sum = lanes(v128.load(tile + (<usize>((m % MR) * 2 + (k & 1)) << 4)));
        store<f32>(dw + (<usize>(m * C * taps + k) << 2), sum);
      }
    }
  }
}

/** Where column k begins in planes, in bytes. */
// @ts-ignore: decorator
@inline
function column(call: usize, k: i32, room: i32, taps: i32): usize {
  return <usize>((k / taps) * room + int(call, 23 + (k % taps))) << 2;
}

/**
 * Rows of dy as panels: four places of each of MR rows, then the next four. Between lines there are zeros, which stay: they
 * are written before the first image.
 */
function packRows(call: usize, dy: usize, panels: usize, rows: i32, steps: i32): void {
  const lines = int(call, 20);
  const width = int(call, 21);
  const pitch = int(call, 18);
  for (let m = 0; m < rows; m++) {
    const row = panels + (<usize>((m / MR) * MR * steps + (m % MR)) << 4);
    let from = dy + (<usize>(m * lines * width) << 2);
    for (let l = 0; l < lines; l++) {
      const end = l * pitch + width;
      let place = l * pitch;
      for (; place < end && (place & 3) != 0; place++, from += 4) store<f32>(at4(row, place), load<f32>(from));
      let out = at4(row, place);
      for (; place + 4 <= end; place += 4, from += 16, out += MR << 4) v128.store(out, v128.load(from));
      for (; place < end; place++, from += 4) store<f32>(at4(row, place), load<f32>(from));
    }
  }
}

/** A place of a row of a panel. */
// @ts-ignore: decorator
@inline
function at4(row: usize, place: i32): usize {
  return row + (<usize>((place >> 2) * MR) << 4) + (<usize>(place & 3) << 2);
}

function tile6(pa: usize, x0: usize, x1: usize, steps: i32, sum: usize): void {
  tile(6, pa, x0, x1, steps, sum);
}

function tile4(pa: usize, x0: usize, x1: usize, steps: i32, sum: usize): void {
  tile(4, pa, x0, x1, steps, sum);
}

function tile1(pa: usize, x0: usize, x1: usize, steps: i32, sum: usize): void {
  tile(1, pa, x0, x1, steps, sum);
}

/** Adds the products of up to six rows and two columns, four places a step, to their sums. */
// @ts-ignore: decorator
@inline
function tile(rows: i32, pa: usize, x0: usize, x1: usize, steps: i32, sum: usize): void {
  let c00 = v128.load(sum), c01 = v128.load(sum, 16);
  let c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  if (rows > 1) {
    c10 = v128.load(sum, 32);
    c11 = v128.load(sum, 48);
    c20 = v128.load(sum, 64);
    c21 = v128.load(sum, 80);
    c30 = v128.load(sum, 96);
    c31 = v128.load(sum, 112);
  }
  if (rows > 4) {
    c40 = v128.load(sum, 128);
    c41 = v128.load(sum, 144);
    c50 = v128.load(sum, 160);
    c51 = v128.load(sum, 176);
  }
  const stop = x0 + (<usize>steps << 4);
  for (; x0 < stop; x0 += 16) {
    const b0 = v128.load(x0);
    const b1 = v128.load(x1);
    let a = v128.load(pa);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    if (rows > 1) {
      a = v128.load(pa, 16);
      c10 = madd(a, b0, c10);
      c11 = madd(a, b1, c11);
      a = v128.load(pa, 32);
      c20 = madd(a, b0, c20);
      c21 = madd(a, b1, c21);
      a = v128.load(pa, 48);
      c30 = madd(a, b0, c30);
      c31 = madd(a, b1, c31);
    }
    if (rows > 4) {
      a = v128.load(pa, 64);
      c40 = madd(a, b0, c40);
      c41 = madd(a, b1, c41);
      a = v128.load(pa, 80);
      c50 = madd(a, b0, c50);
      c51 = madd(a, b1, c51);
    }
    pa += MR << 4;
    x1 += 16;
  }
  v128.store(sum, c00);
  v128.store(sum, c01, 16);
  if (rows > 1) {
    v128.store(sum, c10, 32);
    v128.store(sum, c11, 48);
    v128.store(sum, c20, 64);
    v128.store(sum, c21, 80);
    v128.store(sum, c30, 96);
    v128.store(sum, c31, 112);
  }
  if (rows > 4) {
    v128.store(sum, c40, 128);
    v128.store(sum, c41, 144);
    v128.store(sum, c50, 160);
    v128.store(sum, c51, 176);
  }
}
