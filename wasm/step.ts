import { at, float, int, wideTotal, word } from "./core";
import { cosPi, exp2Of } from "./math";

/** Places in `control`, as shaders/step/step.ts counts them: lr, gate, clip, norm, correction 1 and 2. */
const LR: usize = 0;
const GATE: usize = 4;
const CLIP: usize = 8;
const NORM: usize = 12;
const CORRECTION1: usize = 16;
const CORRECTION2: usize = 20;

function isFinite1(v: f32): bool {
  return (reinterpret<u32>(v) & 0x7f800000) != 0x7f800000;
}

/**
 * (g, stats, n, groups, width): stats [groups, 2]: sums of squares of g, and 1 where an element is not finite. Group k
 * has the stretches of `width` elements whose number is k modulo groups. Parts are groups.
 */
export function gradientStats(call: usize, part: i32, parts: i32): void {
  const g = at(call, 0);
  const n = int(call, 2);
  const groups = int(call, 3);
  const width = int(call, 4);
  for (let group = part; group < groups; group += parts) {
    const stats = at(call, 1) + (<usize>group << 3);
    let sum = squares(g, n, group, groups, width, false);
    // No square of an f32 is beyond f64: what is not finite in a sum was not in g.
    const broken = !isFinite<f64>(sum);
    if (broken) sum = squares(g, n, group, groups, width, true);
    store<f32>(stats, <f32>sum);
    store<f32>(stats, broken ? 1 : 0, 4);
  }
}

/** The sum of squares of a group, `sifted` of those that are finite alone. */
function squares(g: usize, n: i32, group: i32, groups: i32, width: i32, sifted: bool): f64 {
  let s0 = f64x2.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let rest: f64 = 0;
  for (let start = group * width; start < n; start += groups * width) {
    const end = min(n, start + width);
    let i = start;
    if (!sifted) {
      for (; i + 8 <= end; i += 8) {
        const a = v128.load(g + (<usize>i << 2));
        const b = v128.load(g + (<usize>i << 2), 16);
        s0 = addSquares(s0, a);
        s1 = addSquares(s1, i32x4.shuffle(a, a, 2, 3, 2, 3));
        s2 = addSquares(s2, b);
        s3 = addSquares(s3, i32x4.shuffle(b, b, 2, 3, 2, 3));
      }
    }
    for (; i < end; i++) {
      const v = load<f32>(g + (<usize>i << 2));
      if (!sifted || isFinite1(v)) rest += <f64>v * <f64>v;
    }
  }
  return rest + wideTotal(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
}

/** sum and the squares of two floats, in f64: the largest f32 squared is not in range. */
// @ts-ignore: decorator
@inline
function addSquares(sum: v128, v: v128): v128 {
  const low = f64x2.promote_low_f32x4(v);
  return f64x2.add(sum, f64x2.mul(low, low));
}

/** Learning rate of a step; (…, schedule, warmup, period, lr, gamma, floor, …) from argument 5 on. */
function learningRate(call: usize, step: u32): f64 {
  const warmup = word(call, 6);
  const period = word(call, 7);
  const lr = <f64>float(call, 8);
  if (step < warmup) return (lr * <f64>(step + 1)) / <f64>warmup;
  const t = step - warmup;
  const schedule = int(call, 5);
  if (schedule == SCHEDULE_STEP) {
    let factor: f64 = 1;
    let power = <f64>float(call, 9);
    for (let n = t / period; n > 0; n >>= 1) {
      if (n & 1) factor *= power;
      power *= power;
    }
    return lr * factor;
  }
  if (schedule == SCHEDULE_COSINE) {
    const floor = <f64>float(call, 10);
    return floor + (lr - floor) * 0.5 * (1 + cosPi(<f64>min(t, period) / <f64>period));
  }
  if (schedule == SCHEDULE_EXPONENTIAL) {
    return lr * exp2Of(<f64>float(call, 9) * (<f64>min(t, period) / <f64>period));
  }
  return lr;
}

/** Numbers of the schedules, as src/ops/step/control.ts counts them; 0 is constant. */
const SCHEDULE_STEP = 1;
const SCHEDULE_COSINE = 2;
const SCHEDULE_EXPONENTIAL = 3;

/** (control, cursor, loss, stats, count, schedule, warmup, period, lr, gamma, floor, maxNorm, beta1, add1, beta2, add2) */
export function control(call: usize, _part: i32, _parts: i32): void {
  const c = at(call, 0);
  const stats = at(call, 3);
  const count = int(call, 4);
  let squares: f64 = 0;
  let broken: f32 = 0;
  for (let i = 0; i < count; i++) {
    squares += <f64>load<f32>(stats + (<usize>i << 3));
    broken += load<f32>(stats + (<usize>i << 3), 4);
  }
  const fine = broken == 0 && isFinite1(load<f32>(at(call, 2)));
  const norm = sqrt<f64>(squares);
  const maxNorm = <f64>float(call, 11);
  store<f32>(c + LR, <f32>learningRate(call, load<u32>(at(call, 1))));
  store<f32>(c + GATE, fine ? 1 : 0);
  store<f32>(c + CLIP, maxNorm > 0 ? <f32>min<f64>(1, maxNorm / (norm + 1e-6)) : 1);
  store<f32>(c + NORM, <f32>norm);
  if (!fine) return;
  store<f32>(c + CORRECTION1, load<f32>(c + CORRECTION1) * float(call, 12) + float(call, 13));
  store<f32>(c + CORRECTION2, load<f32>(c + CORRECTION2) * float(call, 14) + float(call, 15));
}

function advance(cursor: usize, batch: u32, n: u32): void {
  const next = load<u32>(cursor, 8) + batch;
  store<u32>(cursor, load<u32>(cursor) + 1);
  // Dividing takes longer than all the rest here, and most batches end inside their epoch.
  if (next < n) {
    store<u32>(cursor, next, 8);
    return;
  }
  store<u32>(cursor, load<u32>(cursor, 4) + next / n, 4);
  store<u32>(cursor, next % n, 8);
}

/** A seal of a step's number and the three numbers of its slot, in the fraction of `mark`: `sealed` of shaders/step/step.ts. */
function sealed(mark: f32, step: u32, slot: usize): f32 {
  let h = (step + 1) * SEAL_FACTOR;
  for (let k: usize = 0; k < 12; k += 4) {
    const word = load<u32>(slot + k);
    const exponent = word & 0x7f800000;
    h = (h ^ (exponent == 0 || exponent == 0x7f800000 ? exponent : word)) * SEAL_FACTOR;
  }
  return reinterpret<f32>(reinterpret<u32>(mark) | (h >> 9));
}

const SEAL_FACTOR: u32 = 0x9e3779b1;

/** (cursor, ring, loss, control, slots, batch, n): (loss, norm, lr, sealed gate) to the ring; the cursor to the next batch. */
export function record(call: usize, _part: i32, _parts: i32): void {
  const cursor = at(call, 0);
  const c = at(call, 3);
  const slot = at(call, 1) + (<usize>(load<u32>(cursor) % word(call, 4)) << 4);
  const gate = load<f32>(c + GATE);
  store<f32>(slot, load<f32>(at(call, 2)));
  store<f32>(slot, load<f32>(c + NORM), 4);
  store<f32>(slot, load<f32>(c + LR), 8);
  store<f32>(slot, sealed(gate == 0 ? -1 : 1, load<u32>(cursor), slot), 12);
  advance(cursor, word(call, 5), word(call, 6));
  if (gate == 0) store<u32>(cursor, load<u32>(cursor, 12) + 1, 12);
}

/** (cursor, ring, loss, correct, slots, batch, n): (loss, rows right) of an evaluation batch. */
export function tally(call: usize, _part: i32, _parts: i32): void {
  const cursor = at(call, 0);
  const slot = at(call, 1) + (<usize>(load<u32>(cursor) % word(call, 4)) << 3);
  store<f32>(slot, load<f32>(at(call, 2)));
  store<f32>(slot, load<f32>(at(call, 3)), 4);
  advance(cursor, word(call, 5), word(call, 6));
}
