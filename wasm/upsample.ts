import { at, begin, int } from "./core";

/** Where place i of the larger axis lies, in parts of 2 scale from the middle of the smaller one's first place. */
// @ts-ignore: decorator
@inline
function place(i: i32, scale: i32): i32 {
  return max(2 * i + 1 - scale, 0);
}

/** So many parts of 2 scale. */
// @ts-ignore: decorator
@inline
function share(parts: i32, scale: i32): f32 {
  return <f32>parts / <f32>(scale << 1);
}

// @ts-ignore: decorator
@inline
function value(x: usize, i: i32): f32 {
  return load<f32>(x + (<usize>i << 2));
}

/** (x, y, images, h, w, sy, sx, bilinear): y [images, h sy, w sx]. Parts are rows of y. */
export function upsample(call: usize, part: i32, parts: i32): void {
  const h = int(call, 3);
  const w = int(call, 4);
  const sy = int(call, 5);
  const sx = int(call, 6);
  const rows = int(call, 2) * h * sy;
  const end = begin(rows, part + 1, parts, 1);
  for (let row = begin(rows, part, parts, 1); row < end; row++) {
    const r = row % (h * sy);
    const image = at(call, 0) + (<usize>((row / (h * sy)) * h * w) << 2);
    let y = at(call, 1) + (<usize>(row * w * sx) << 2);
    if (int(call, 7) == 0) {
      const x = image + (<usize>((r / sy) * w) << 2);
      for (let c = 0; c < w; c++) {
        for (let k = 0; k < sx; k++, y += 4) store<f32>(y, value(x, c));
      }
      continue;
    }
    const t = place(r, sy);
    const below = t / (2 * sy);
    const low = image + (<usize>(below * w) << 2);
    const high = image + (<usize>(min(below + 1, h - 1) * w) << 2);
    const restY = t % (2 * sy);
    const highY = share(restY, sy);
    const lowY = share(2 * sy - restY, sy);
    for (let c = 0; c < w * sx; c++, y += 4) {
      const u = place(c, sx);
      const c0 = u / (2 * sx);
      const c1 = min(c0 + 1, w - 1);
      const restX = u - c0 * 2 * sx;
      const highX = share(restX, sx);
      const lowX = share(2 * sx - restX, sx);
      const upper = lowX * value(low, c0) + highX * value(low, c1);
      store<f32>(y, lowY * upper + highY * (lowX * value(high, c0) + highX * value(high, c1)));
    }
  }
}

/** What place i of the larger axis takes of place j of the smaller one. */
function weightOf(j: i32, i: i32, scale: i32, n: i32): f32 {
  const t = place(i, scale);
  const below = t / (2 * scale);
  const rest = t % (2 * scale);
  let weight: f32 = 0;
  if (below == j) weight = share(2 * scale - rest, scale);
  if (min(below + 1, n - 1) == j) weight += share(rest, scale);
  return weight;
}

/** (dy, dx, images, h, w, sy, sx, bilinear): dx [images, h, w], for each place what it gave. Parts are rows of dx. */
export function upsampleGradient(call: usize, part: i32, parts: i32): void {
  const h = int(call, 3);
  const w = int(call, 4);
  const sy = int(call, 5);
  const sx = int(call, 6);
  const bilinear = int(call, 7) != 0;
  const rows = int(call, 2) * h;
  const end = begin(rows, part + 1, parts, 1);
  for (let row = begin(rows, part, parts, 1); row < end; row++) {
    const k = row % h;
    const image = at(call, 0) + (<usize>((row / h) * h * sy * w * sx) << 2);
    const dx = at(call, 1) + (<usize>(row * w) << 2);
    const fromY = bilinear ? max(0, (k - 1) * sy + sy / 2) : k * sy;
    const toY = min(h * sy, bilinear ? fromY + 2 * sy : fromY + sy);
    for (let j = 0; j < w; j++) {
      const fromX = bilinear ? max(0, (j - 1) * sx + sx / 2) : j * sx;
      const toX = min(w * sx, bilinear ? fromX + 2 * sx : fromX + sx);
      let sum: f32 = 0;
      for (let r = fromY; r < toY; r++) {
        const dy = image + (<usize>(r * w * sx) << 2);
        let across: f32 = 0;
        for (let c = fromX; c < toX; c++) across += bilinear ? weightOf(j, c, sx, w) * value(dy, c) : value(dy, c);
        sum += bilinear ? weightOf(k, r, sy, h) * across : across;
      }
      store<f32>(dx + (<usize>j << 2), sum);
    }
  }
}
