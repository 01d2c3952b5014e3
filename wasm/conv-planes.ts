import { word } from "./core";

/**
 * What a convolution reads: the channels of one image and one group, laid out anew so that every step of the kernel is a
 * step of one place. Zeros that pad the image are written around it. Where the kernel moves by a stride, places are
 * divided into phases by their remainder, a plane each. A call describes it in nine words (`first` is their number):
 * rows and columns of the image, phases along both, padding in front of both, rows and columns of a plane, and the floats
 * that a channel takes, planes and zeros behind them.
 */

// @ts-ignore: decorator
@inline
function clear(to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (<usize>i << 2), i32x4.splat(0));
  for (; i < count; i++) store<u32>(to + (<usize>i << 2), 0);
}

// @ts-ignore: decorator
@inline
function int(call: usize, i: i32): i32 {
  return <i32>word(call, i);
}

/** Channels [c0, c1) of `source` [channels, rows, columns] into planes at `to`; of each plane the rows [i0, i1) and what is behind. */
export function spread(call: usize, first: i32, source: usize, to: usize, c0: i32, c1: i32, i0: i32, i1: i32): void {
  const rows = int(call, first);
  const columns = int(call, first + 1);
  const phasesR = int(call, first + 2);
  const phasesC = int(call, first + 3);
  const beforeR = int(call, first + 4);
  const beforeC = int(call, first + 5);
  const R = int(call, first + 6);
  const C = int(call, first + 7);
  const room = int(call, first + 8);
  const planes = phasesR * phasesC * R * C;
  for (let q = 0; q < phasesC; q++) {
    const from = q - beforeC;
    const head = min(C, from < 0 ? (phasesC - 1 - from) / phasesC : 0);
    const tail = max(head, min(C, (columns - from + phasesC - 1) / phasesC));
    for (let c = c0; c < c1; c++) {
      const image = source + (<usize>(c * rows * columns) << 2);
      const channel = to + (<usize>((c - c0) * room) << 2);
      if (q == 0) clear(channel + (<usize>planes << 2), room - planes);
      for (let p = 0; p < phasesR; p++) {
        for (let i = i0; i < i1; i++) {
          const r = i * phasesR + p - beforeR;
          const out = channel + (<usize>(((p * phasesC + q) * R + i) * C) << 2);
          if (r < 0 || r >= rows) clear(out, C);
          else spreadLine(image + (<usize>(r * columns + from) << 2), out, phasesC, head, tail, C);
        }
      }
    }
  }
}

/** Places head to tail of a line, every `step`th of x, which may begin in front of it; zeros around them. */
function spreadLine(x: usize, out: usize, step: i32, head: i32, tail: i32, C: i32): void {
  clear(out, head);
  clear(out + (<usize>tail << 2), C - tail);
  let j = head;
  if (step == 1) {
    for (; j + 4 <= tail; j += 4) v128.store(out + (<usize>j << 2), v128.load(x + (<usize>j << 2)));
    for (; j < tail; j++) store<f32>(out + (<usize>j << 2), load<f32>(x + (<usize>j << 2)));
    return;
  }
  x += <usize>(j * step) << 2;
  for (; j < tail; j++) {
    store<f32>(out + (<usize>j << 2), load<f32>(x));
    x += <usize>step << 2;
  }
}
