import { at, begin, float, get, int, put } from "./core";

/** Columns of a matrix by themselves. Parts are whole rows. */

/** (x, d, y, M, N, first, width, scale): y = x, and scale d added to its columns from `first` on. */
export function addScaledColumns(call: usize, part: i32, parts: i32): void {
  const M = int(call, 3);
  const N = int(call, 4);
  const width = int(call, 6);
  const scale = f32x4.splat(float(call, 7));
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const row = <usize>(m * N) << 2;
    const x = at(call, 0) + row;
    const y = at(call, 2) + row;
    for (let j = 0; j < N; j += 4) put(y + (<usize>j << 2), get(x + (<usize>j << 2), N - j), N - j);
    const d = at(call, 1) + (<usize>(m * width) << 2);
    const to = y + (<usize>int(call, 5) << 2);
    for (let j = 0; j < width; j += 4) {
      const o = <usize>j << 2;
      const sum = f32x4.add(get(to + o, width - j), f32x4.mul(scale, get(d + o, width - j)));
      put(to + o, sum, width - j);
    }
  }
}

/** (y, d, M, N, first, width, scale): d is scale times the columns of y from `first` on. */
export function scaledColumns(call: usize, part: i32, parts: i32): void {
  const M = int(call, 2);
  const width = int(call, 5);
  const scale = f32x4.splat(float(call, 6));
  const end = begin(M, part + 1, parts, 1);
  for (let m = begin(M, part, parts, 1); m < end; m++) {
    const y = at(call, 0) + (<usize>(m * int(call, 3) + int(call, 4)) << 2);
    const d = at(call, 1) + (<usize>(m * width) << 2);
    for (let j = 0; j < width; j += 4) {
      const o = <usize>j << 2;
      put(d + o, f32x4.mul(scale, get(y + o, width - j)), width - j);
    }
  }
}
