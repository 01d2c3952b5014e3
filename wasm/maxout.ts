import { at, begin, get, int, put } from "./core";

/** (x, y, outer, pieces, inner): the largest of each group of `pieces` elements, `inner` apart. Parts are rows of groups. */
export function maxout(call: usize, part: i32, parts: i32): void {
  const outer = int(call, 2);
  const pieces = int(call, 3);
  const inner = int(call, 4);
  const end = begin(outer, part + 1, parts, 1);
  for (let o = begin(outer, part, parts, 1); o < end; o++) {
    for (let r = 0; r < inner; r += 4) {
      let x = at(call, 0) + (<usize>(o * pieces * inner + r) << 2);
      let best = get(x, inner - r);
      for (let k = 1; k < pieces; k++) {
        x += <usize>inner << 2;
        best = f32x4.max(best, get(x, inner - r));
      }
      put(at(call, 1) + (<usize>(o * inner + r) << 2), best, inner - r);
    }
  }
}

/** (dy, x, dx, outer, pieces, inner): dy where x is the largest of its group, the first of several; 0 elsewhere. */
export function maxoutGradient(call: usize, part: i32, parts: i32): void {
  const outer = int(call, 3);
  const pieces = int(call, 4);
  const inner = int(call, 5);
  const step = <usize>inner << 2;
  const end = begin(outer, part + 1, parts, 1);
  for (let o = begin(outer, part, parts, 1); o < end; o++) {
    for (let r = 0; r < inner; r += 4) {
      const first = <usize>(o * pieces * inner + r) << 2;
      let x = at(call, 1) + first;
      let best = get(x, inner - r);
      let place = i32x4.splat(0);
      for (let k = 1; k < pieces; k++) {
        x += step;
        const v = get(x, inner - r);
        const take = v128.or(f32x4.gt(v, best), v128.andnot(f32x4.ne(v, v), f32x4.ne(best, best)));
        best = v128.bitselect(v, best, take);
        place = v128.bitselect(i32x4.splat(k), place, take);
      }
      const dy = get(at(call, 0) + (<usize>(o * inner + r) << 2), inner - r);
      for (let k = 0; k < pieces; k++) {
        put(at(call, 2) + first + <usize>k * step, v128.and(dy, i32x4.eq(place, i32x4.splat(k))), inner - r);
      }
    }
  }
}
