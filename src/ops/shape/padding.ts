import { images, mirrored, type PadForm, padParams } from "../../../shaders/shape/pad.ts";
import { type NdArray, type Shape, sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { below, both, type Condition, choose, minus, smaller } from "./chip-index.ts";
import type { Stretch } from "./chunks.ts";
import { coordinates } from "./strided.ts";

/** What pad does along one axis: `n` places become `m`, of which `before` lie in front. */
export interface PaddedAxis {
  readonly n: number;
  readonly m: number;
  readonly before: number;
}

export type Amounts = readonly (readonly [before: number, after: number])[];

/** The axes of a value, of which the last ones are padded; neighbours that are not padded are one. */
export function paddedAxes(shape: Shape, amounts: Amounts): readonly PaddedAxis[] {
  const first = shape.length - amounts.length;
  const axes: PaddedAxis[] = [];
  shape.forEach((n, k) => {
    const [before, after] = amounts[k - first] ?? [0, 0];
    const last = axes.at(-1);
    if (last && before + after === 0 && last.n === last.m) {
      axes.splice(-1, 1, { n: last.n * n, m: last.m * n, before: 0 });
    } else axes.push({ n, m: before + n + after, before });
  });
  return axes;
}

/** What an invocation makes of the padded value: four of its last axis, where those are whole fours. */
export function padForm(axes: readonly PaddedAxis[], mode: "zeros" | "reflect"): PadForm {
  const { n, m, before } = axes.at(-1)!;
  if (m % 4 !== 0) return "single";
  return n % 4 === 0 && before % 4 === 0 && (mode === "zeros" || n === m) ? "fours" : "wide";
}

/** @param size of what the form counts. */
export function paddingParams(
  axes: readonly PaddedAxis[],
  size: number,
  { from, to }: Stretch,
  form: PadForm,
): ArrayBuffer {
  const last = axes.length - 1;
  const read = form === "fours" ? 4 : 1;
  const made = form === "single" ? 1 : 4;
  const ofAxes = axes.flatMap(({ n, m, before }, k) => [
    [`n${k}`, k === last ? n / read : n],
    [`m${k}`, k === last ? m / made : m],
    [`b${k}`, k === last ? before / read : before],
  ]);
  const starts = { readFrom: from / read, writeTo: to / made };
  return padParams(axes.length).pack({ size, ...starts, ...Object.fromEntries(ofAxes) });
}

export const axisNumbers = (axes: readonly PaddedAxis[]): number[] =>
  axes.flatMap(({ n, m, before }) => [n, m, before]);

const mirror = (i: number, { n, before }: PaddedAxis): number => n - 1 - Math.abs(n - 1 - Math.abs(i - before));

/** Where element i of the padded value lies in the value, or -1 in zeros. */
export function sourceOf(axes: readonly PaddedAxis[], i: number, reflect: boolean): number {
  let [at, rest, stride] = [0, i, 1];
  for (const axis of axes.toReversed()) {
    const c = rest % axis.m;
    const p = reflect ? mirror(c, axis) : c - axis.before;
    if (p < 0 || p >= axis.n) return -1;
    at += p * stride;
    stride *= axis.n;
    rest = Math.floor(rest / axis.m);
  }
  return at;
}

/** Sums of dy over the places of the padded value that show each place. */
export function gatheredSums(
  dy: NdArray,
  axes: readonly PaddedAxis[],
  shape: Shape,
  size = (v: number): number => v,
): Float64Array {
  const sums = new Float64Array(sizeOf(shape));
  dy.data.forEach((v, i) => {
    sums[sourceOf(axes, i, true)]! += size(v);
  });
  return sums;
}

/** Element i of the padded value, in the kernel for whole steps. */
export function paddedOnChip(w: ChipWriter, x: ChipValue, axes: readonly PaddedAxis[], i: Index, reflect: boolean) {
  let at: Index = 0;
  let inside: Condition = true;
  const sizes = axes.map((a) => a.m);
  for (const [k, c] of coordinates(w, i, sizes).entries()) {
    const { n, m, before } = axes[k]!;
    let p = c;
    if (n !== m && reflect) {
      if (typeof c === "string") w.declare(mirrored);
      p = typeof c === "number" ? mirror(c, axes[k]!) : `mirrored(${c}, ${n}u, ${before}u)`;
    } else if (n !== m) {
      // In front of the value the difference wraps around, and is not below n either.
      const d = typeof c === "number" ? (c - before) >>> 0 : w.name(minus(c, before));
      inside = both(inside, below(d, n));
      p = smaller(d, n - 1);
    }
    at = index.plus(index.times(at, n), p);
  }
  const zero = { f32: "0.0", i32: "0i", u32: "0u", f16: "0.0" }[x.dtype];
  return inside === false ? zero : choose(inside, x.at(at), zero);
}

/** Place j of an axis as the padded value shows it: itself, by the mirror in front, by the one behind; not below m: nowhere. */
function image(w: ChipWriter, { n, m, before }: PaddedAxis, j: Index, way: Index): Index {
  if (n === m) return j;
  if (way === 0) return index.plus(j, before);
  if (typeof j === "number" && typeof way === "number") {
    if (way === 1) return j > 0 && j <= before ? before - j : m;
    return j < n - 1 ? before + 2 * (n - 1) - j : m;
  }
  w.declare(images);
  return w.name(`imageOf(${index.text(j)}, ${index.text(way)}, ${n}u, ${m}u, ${before}u)`);
}

/** Adds the gradient of element j of the value to `sum`, in the kernel for whole steps. */
export function gatheredOnChip(w: ChipWriter, dy: ChipValue, axes: readonly PaddedAxis[], j: Index): void {
  const places = coordinates(
    w,
    j,
    axes.map((a) => a.n),
  );
  const padded = axes.filter(({ n, m }) => n !== m);
  w.loop(0, 3 ** padded.length, (way) => {
    let at: Index = 0;
    let inside: Condition = true;
    for (const [k, axis] of axes.entries()) {
      const turn = padded.indexOf(axis);
      const p = image(w, axis, places[k]!, turn < 0 ? 0 : index.rest(index.over(way, 3 ** turn), 3));
      inside = both(inside, below(p, axis.m));
      at = index.plus(index.times(at, axis.m), smaller(p, axis.m - 1));
    }
    if (inside !== false) w.add(`sum += ${choose(inside, dy.at(at), "0.0")};`);
  });
}
