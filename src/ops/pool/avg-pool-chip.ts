import { type AvgForm, span, spanName } from "../../../shaders/pool/avg-pool.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { Averaged } from "./averages.ts";
import type { PoolAxis } from "./geometry.ts";
import { and, type Found, mostWindows, planeAndPlace, where, windowAt } from "./pool-chip.ts";
import { windowOf, windowsAt } from "./windows.ts";

/** The formulas are those of the kernels: shaders/pool/avg-pool.ts. */

/** Window o along an axis: its first place, where it ends, and what its sum is divided by. */
interface Span {
  readonly from: Index;
  readonly to: Index;
  readonly divisor: Index;
}

function spanOf(w: ChipWriter, form: AvgForm, axis: PoolAxis, o: Index): Span {
  if (typeof o === "number") {
    const { from, to, divisor } = windowOf(form, axis, o);
    return { from, to, divisor };
  }
  const { padding, kernel, stride, size, out } = axis;
  w.declare(span(form));
  const name = w.name(`${spanName(form)}(${o}, ${padding}u, ${kernel}u, ${stride}u, ${size}u, ${out}u)`);
  return { from: `${name}.x`, to: `${name}.y`, divisor: `${name}.z` };
}

/** Places of the longest window. */
const longest = (form: AvgForm, axis: PoolAxis): number =>
  Math.max(...Array.from({ length: axis.out }, (_, o) => windowOf(form, axis, o)).map(({ from, to }) => to - from));

/** Place k of a window, or null where it is known to have less. */
function placeIn(w: ChipWriter, { from, to }: Span, size: number, k: Index): Found | null {
  const i = index.plus(from, k);
  if (typeof i === "number" && typeof to === "number") return i < to ? { i, inside: "" } : null;
  const name = w.name(i);
  return { i: w.name(`min(${index.text(name)}, ${size - 1}u)`), inside: `${index.text(name)} < ${index.text(to)}` };
}

export function avgPoolOnChip(w: ChipWriter, x: ChipValue, y: ChipValue, { form, dims }: Averaged): void {
  const { rows, columns } = dims;
  w.each(sizeOf(y.shape), (o) => {
    const { plane, iy, ix } = planeAndPlace(w, o, rows.out, columns.out);
    const start = w.name(index.times(plane, rows.size * columns.size));
    const [ys, xs] = [spanOf(w, form, rows, iy), spanOf(w, form, columns, ix)];
    w.add("var sum = 0.0;");
    w.loop(0, longest(form, rows), (ky) => {
      const yAt = placeIn(w, ys, rows.size, ky);
      if (!yAt) return;
      w.loop(0, longest(form, columns), (kx) => {
        const xAt = placeIn(w, xs, columns.size, kx);
        if (!xAt) return;
        const value = x.at(index.plus(start, index.plus(index.times(yAt.i, columns.size), xAt.i)));
        w.add(`sum += ${where(and(yAt.inside, xAt.inside), value, "0.0")};`);
      });
    });
    w.add(`${y.at(o)} = sum / f32(${product(ys.divisor, xs.divisor)});`);
  });
}

const product = (a: Index, b: Index): string =>
  typeof a === "number" && typeof b === "number" ? `${a * b}u` : `${index.text(a)} * ${index.text(b)}`;

/** Of the windows that may reach place i, one; null where it is known not to. */
function candidate(w: ChipWriter, form: AvgForm, axis: PoolAxis, i: Index, k: Index): Found | null {
  if (form !== "adaptive") return windowAt(w, axis, i, k);
  const { size, out } = axis;
  if (typeof i === "number" && typeof k === "number") {
    const [first, last] = windowsAt(form, axis, i);
    return first + k <= last ? { i: first + k, inside: "" } : null;
  }
  const place = index.text(i);
  const o = w.name(`(${place} * ${out}u / ${size}u + ${index.text(k)})`);
  const inside = `${index.text(o)} < ((${place} + 1u) * ${out}u + ${size - 1}u) / ${size}u`;
  return { i: w.name(`min(${index.text(o)}, ${out - 1}u)`), inside };
}

/** How many windows may reach one place. */
function mostOf(form: AvgForm, axis: PoolAxis): number {
  if (form !== "adaptive") return mostWindows(axis);
  const counts = Array.from({ length: axis.size }, (_, i) => windowsAt(form, axis, i));
  return Math.max(...counts.map(([first, last]) => last - first + 1));
}

export function avgPoolGradientOnChip(w: ChipWriter, dy: ChipValue, dx: ChipValue, { form, dims }: Averaged): void {
  const { rows, columns } = dims;
  w.each(sizeOf(dx.shape), (i) => {
    const { plane, iy, ix } = planeAndPlace(w, i, rows.size, columns.size);
    w.add("var sum = 0.0;");
    w.loop(0, mostOf(form, rows), (ky) => {
      const oy = candidate(w, form, rows, iy, ky);
      if (!oy) return;
      const line = w.name(index.times(index.plus(index.times(plane, rows.out), oy.i), columns.out));
      const divisor = spanOf(w, form, rows, oy.i).divisor;
      w.loop(0, mostOf(form, columns), (kx) => {
        const ox = candidate(w, form, columns, ix, kx);
        if (!ox) return;
        const share = `${dy.at(index.plus(line, ox.i))} / f32(${product(divisor, spanOf(w, form, columns, ox.i).divisor)})`;
        w.add(`sum += ${where(and(oy.inside, ox.inside), share, "0.0")};`);
      });
    });
    w.add(`${dx.at(i)} = sum;`);
  });
}
