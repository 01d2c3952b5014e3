import { addWide, at, begin, get, int, put, wideTotal } from "./core";

/** (x, b, y, n c, places, c): y = x [n, c, places] + b [c]. Parts are planes. */
export function addChannelBias(call: usize, part: i32, parts: i32): void {
  const planes = int(call, 3);
  const places = int(call, 4);
  const end = begin(planes, part + 1, parts, 1);
  for (let p = begin(planes, part, parts, 1); p < end; p++) {
    const b = v128.load32_splat(at(call, 1) + (<usize>(p % int(call, 5)) << 2));
    const x = at(call, 0) + (<usize>(p * places) << 2);
    const y = at(call, 2) + (<usize>(p * places) << 2);
    for (let i = 0; i < places; i += 4) {
      const o = <usize>i << 2;
      put(y + o, f32x4.add(get(x + o, places - i), b), places - i);
    }
  }
}

/** (dy, db, n, c, places): db [c] = sums over images and places, in f64. Parts are channels. */
export function sumChannels(call: usize, part: i32, parts: i32): void {
  const c = int(call, 3);
  const places = int(call, 4);
  const end = begin(c, part + 1, parts, 1);
  for (let k = begin(c, part, parts, 1); k < end; k++) {
    let sum = f64x2.splat(0);
    for (let n = 0; n < int(call, 2); n++) {
      const dy = at(call, 0) + (<usize>((n * c + k) * places) << 2);
      for (let i = 0; i < places; i += 4) sum = addWide(sum, get(dy + (<usize>i << 2), places - i));
    }
    store<f32>(at(call, 1) + (<usize>k << 2), <f32>wideTotal(sum));
  }
}
