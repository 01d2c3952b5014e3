import { at, begin, int } from "./core";

/**
 * Along an axis place i of the larger image lies 2 i + 1 - scale parts of 2 scale behind the middle of the smaller one's
 * first place, and not before it. Going along, that is two parts more a place.
 */

// @ts-ignore: decorator
@inline
function value(x: usize, i: i32): f32 {
  return load<f32>(x + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function addTo(x: usize, i: i32, v: f32): void {
  store<f32>(x + (<usize>i << 2), value(x, i) + v);
}

/** What one part of 2 scale weighs. */
// @ts-ignore: decorator
@inline
function unit(scale: i32): f32 {
  return <f32>0.5 / <f32>scale;
}

// @ts-ignore: decorator
@inline
function weight(parts: i32, one: f32): f32 {
  return <f32>parts * one;
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
    const y = at(call, 1) + (<usize>(row * w * sx) << 2);
    if (int(call, 7) == 0) repeat(image + (<usize>((r / sy) * w) << 2), y, w, sx);
    else {
      const t = max(2 * r + 1 - sy, 0);
      const k = t / (2 * sy);
      const rest = t % (2 * sy);
      const low = image + (<usize>(k * w) << 2);
      const high = image + (<usize>(min(k + 1, h - 1) * w) << 2);
      between(low, high, weight(2 * sy - rest, unit(sy)), weight(rest, unit(sy)), y, w, sx);
    }
  }
}

function repeat(x: usize, y: usize, w: i32, sx: i32): void {
  for (let c = 0; c < w; c++) {
    const v = value(x, c);
    for (let k = 0; k < sx; k++, y += 4) store<f32>(y, v);
  }
}

/** A line of the larger image between two of the smaller one. */
function between(low: usize, high: usize, lowY: f32, highY: f32, y: usize, w: i32, sx: i32): void {
  const one = unit(sx);
  let parts = 1 - sx;
  let c0 = 0;
  for (let c = 0; c < w * sx; c++, parts += 2) {
    if (parts >= 2 * sx) {
      parts -= 2 * sx;
      c0++;
    }
    const c1 = min(c0 + 1, w - 1);
    const highX = weight(max(parts, 0), one);
    const lowX = weight(2 * sx - max(parts, 0), one);
    const below = lowX * value(low, c0) + highX * value(low, c1);
    const above = lowX * value(high, c0) + highX * value(high, c1);
    store<f32>(y + (<usize>c << 2), lowY * below + highY * above);
  }
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
    for (let j = 0; j < w; j++) store<f32>(dx + (<usize>j << 2), 0);
    const from = bilinear ? max(0, (k - 1) * sy + sy / 2) : k * sy;
    const to = min(h * sy, bilinear ? from + 2 * sy : from + sy);
    for (let r = from; r < to; r++) {
      const dy = image + (<usize>(r * w * sx) << 2);
      if (bilinear) give(dy, rowWeight(k, r, sy, h), dx, w, sx);
      else gather(dy, dx, w, sx);
    }
  }
}

/** What row r of the larger image takes of row k of the smaller one. */
function rowWeight(k: i32, r: i32, sy: i32, h: i32): f32 {
  const t = max(2 * r + 1 - sy, 0);
  const below = t / (2 * sy);
  const rest = t % (2 * sy);
  let sum: f32 = 0;
  if (below == k) sum = weight(2 * sy - rest, unit(sy));
  if (min(below + 1, h - 1) == k) sum += weight(rest, unit(sy));
  return sum;
}

function gather(dy: usize, dx: usize, w: i32, sx: i32): void {
  for (let j = 0; j < w; j++) {
    let sum: f32 = 0;
    for (let k = 0; k < sx; k++, dy += 4) sum += load<f32>(dy);
    addTo(dx, j, sum);
  }
}

/** Adds a line of dy, times the row's weight, to the places between which each of its places lies. */
function give(dy: usize, row: f32, dx: usize, w: i32, sx: i32): void {
  const one = unit(sx);
  let parts = 1 - sx;
  let c0 = 0;
  for (let c = 0; c < w * sx; c++, parts += 2) {
    if (parts >= 2 * sx) {
      parts -= 2 * sx;
      c0++;
    }
    const g = row * value(dy, c);
    addTo(dx, c0, g * weight(2 * sx - max(parts, 0), one));
    addTo(dx, min(c0 + 1, w - 1), g * weight(max(parts, 0), one));
  }
}
