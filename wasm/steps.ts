import { at, begin, get, int, put } from "./core";

/** Moves along sequences x [n, t, k]. Parts are rows. */

/** (x, y, n, t, k, reverse): y = x of the step before, or behind where that is so; 0 at the first, or the last. */
export function previousSteps(call: usize, part: i32, parts: i32): void {
  const n = int(call, 2);
  const k = int(call, 4);
  const size = int(call, 3) * k;
  const back = int(call, 5);
  const end = begin(n, part + 1, parts, 1);
  for (let row = begin(n, part, parts, 1); row < end; row++) {
    const x = at(call, 0) + (<usize>(row * size) << 2);
    const y = at(call, 1) + (<usize>(row * size) << 2);
    const from = back ? x + (<usize>k << 2) : x;
    const to = back ? y : y + (<usize>k << 2);
    const edge = back ? y + (<usize>(size - k) << 2) : y;
    for (let i = 0; i < size - k; i += 4) put(to + (<usize>i << 2), get(from + (<usize>i << 2), size - k - i), size - k - i);
    for (let j = 0; j < k; j += 4) put(edge + (<usize>j << 2), f32x4.splat(0), k - j);
  }
}

/** Steps of a row that count: arguments 1 and 2 are lengths and whether there are any. */
// @ts-ignore: decorator
@inline
function countOf(call: usize, row: i32, steps: i32): i32 {
  if (!int(call, 2)) return steps;
  return max(0, min(steps, load<i32>(at(call, 1) + (<usize>row << 2))));
}

/** (x, lengths, whether there are, y, n, t, k, mean): y [n, k], each row's last step, or the mean of its steps. */
export function ofSteps(call: usize, part: i32, parts: i32): void {
  const n = int(call, 4);
  const steps = int(call, 5);
  const k = int(call, 6);
  const mean = int(call, 7);
  const end = begin(n, part + 1, parts, 1);
  for (let row = begin(n, part, parts, 1); row < end; row++) {
    const count = countOf(call, row, steps);
    const x = at(call, 0) + (<usize>(row * steps * k) << 2);
    const y = at(call, 3) + (<usize>(row * k) << 2);
    const first = mean ? 0 : max(0, count - 1);
    const share = f32x4.splat(mean ? <f32>max(1, count) : 1);
    for (let j = 0; j < k; j += 4) {
      let sum = f32x4.splat(0);
      for (let t = first; t < count; t++) sum = f32x4.add(sum, get(x + (<usize>(t * k + j) << 2), k - j));
      put(y + (<usize>j << 2), f32x4.div(sum, share), k - j);
    }
  }
}

/** (dy, lengths, whether there are, dx, n, t, k, mean): dx [n, t, k] of either. */
export function ofStepsGradient(call: usize, part: i32, parts: i32): void {
  const n = int(call, 4);
  const steps = int(call, 5);
  const k = int(call, 6);
  const mean = int(call, 7);
  const end = begin(n, part + 1, parts, 1);
  for (let row = begin(n, part, parts, 1); row < end; row++) {
    const count = countOf(call, row, steps);
    const dy = at(call, 0) + (<usize>(row * k) << 2);
    const share = f32x4.splat(mean ? <f32>max(1, count) : 1);
    for (let t = 0; t < steps; t++) {
      const dx = at(call, 3) + (<usize>((row * steps + t) * k) << 2);
      const gets = mean ? t < count : t + 1 == count;
      for (let j = 0; j < k; j += 4) {
        const d = gets ? f32x4.div(get(dy + (<usize>j << 2), k - j), share) : f32x4.splat(0);
        put(dx + (<usize>j << 2), d, k - j);
      }
    }
  }
}
