import { at, begin, float, get, int, lanes, madd, put } from "./core";
import { exp1, exponentials } from "./math";

/** (qkv, position, past, width): puts a step's queries, keys and values where those of its position are kept. */
export function keepStep(call: usize, _part: i32, _parts: i32): void {
  const width = int(call, 3);
  const to = at(call, 2) + (<usize>(load<i32>(at(call, 1)) * width) << 2);
  memory.copy(to, at(call, 0), <usize>width << 2);
}

/**
 * (qkv, position, past, o, scores, heads, heads for a key's, d, width, steps, scale): each head's mean of values by the softmax
 * of its scores, over the steps up to this one. Parts are heads, whose scores [steps] lie apart.
 */
export function attentionStep(call: usize, part: i32, parts: i32): void {
  const heads = int(call, 5);
  const share = int(call, 6);
  const d = int(call, 7);
  const row = <usize>int(call, 8) << 2;
  const scale = float(call, 10);
  const count = load<i32>(at(call, 1)) + 1;
  const end = begin(heads, part + 1, parts, 1);
  for (let head = begin(heads, part, parts, 1); head < end; head++) {
    const q = at(call, 0) + (<usize>(head * d) << 2);
    const k = at(call, 2) + (<usize>((heads + head / share) * d) << 2);
    const v = k + (<usize>((heads / share) * d) << 2);
    const o = at(call, 3) + (<usize>(head * d) << 2);
    const scores = at(call, 4) + (<usize>(head * int(call, 9)) << 2);
    let top: f32 = -f32.MAX_VALUE;
    for (let j = 0; j < count; j++) {
      const key = k + <usize>j * row;
      let sum = f32x4.splat(0);
      for (let c = 0; c < d; c += 4) sum = madd(get(q + (<usize>c << 2), d - c), get(key + (<usize>c << 2), d - c), sum);
      const score = scale * lanes(sum);
      store<f32>(scores + (<usize>j << 2), score);
      top = max(top, score);
    }
    let total = lanes(exponentials(scores, 16, count >> 2, f32x4.splat(1), f32x4.splat(top)));
    for (let j = count & ~3; j < count; j++) {
      const p = scores + (<usize>j << 2);
      store<f32>(p, exp1(load<f32>(p) - top));
      total += load<f32>(p);
    }
    const whole = f32x4.splat(total);
    for (let c = 0; c < d; c += 4) {
      let mean = f32x4.splat(0);
      for (let j = 0; j < count; j++) {
        const weight = v128.load32_splat(scores + (<usize>j << 2));
        mean = madd(weight, get(v + <usize>j * row + (<usize>c << 2), d - c), mean);
      }
      put(o + (<usize>c << 2), f32x4.div(mean, whole), d - c);
    }
  }
}
