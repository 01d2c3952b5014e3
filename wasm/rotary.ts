import { at, begin, float, get, int, put } from "./core";

/** (x, table, y, rows, width, heads, d, t, sign): pairs of the first heads of each row are turned. Parts are rows. */
export function rotary(call: usize, part: i32, parts: i32): void {
  const width = int(call, 4);
  const d = int(call, 6);
  const half = d / 2;
  const turned = int(call, 5) * d;
  const far = <usize>half << 2;
  const sign = f32x4.splat(float(call, 8));
  const end = begin(int(call, 3), part + 1, parts, 1);
  for (let row = begin(int(call, 3), part, parts, 1); row < end; row++) {
    const x = at(call, 0) + (<usize>(row * width) << 2);
    const y = at(call, 2) + (<usize>(row * width) << 2);
    const table = at(call, 1) + (<usize>((row % int(call, 7)) * d) << 2);
    for (let head = 0; head < turned; head += d) {
      for (let i = 0; i < half; i += 4) {
        const o = <usize>(head + i) << 2;
        const cos = get(table + (<usize>i << 2), half - i);
        const sin = f32x4.mul(get(table + far + (<usize>i << 2), half - i), sign);
        const a = get(x + o, half - i);
        const b = get(x + o + far, half - i);
        put(y + o, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)), half - i);
        put(y + o + far, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)), half - i);
      }
    }
    for (let c = turned; c < width; c += 4) put(y + (<usize>c << 2), get(x + (<usize>c << 2), width - c), width - c);
  }
}
