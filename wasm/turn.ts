/** Four rows of four floats at `from`, `so` bytes apart, as columns at `to`, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function turn(from: usize, so: usize, to: usize, step: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + so);
  const r2 = v128.load(from + 2 * so);
  const r3 = v128.load(from + 3 * so);
  const t0 = i32x4.shuffle(r0, r1, 0, 4, 1, 5);
  const t1 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
  const t2 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
  const t3 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(t0, t2, 0, 2));
  v128.store(to + step, i64x2.shuffle(t0, t2, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(t1, t3, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(t1, t3, 1, 3));
}
