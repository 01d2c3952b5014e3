import type { AvgForm } from "../../../shaders/pool/avg-pool.ts";
import type { Averaged } from "./averages.ts";
import type { PoolAxis } from "./geometry.ts";

/** A window of an average along one axis: places [from, to) of x, and what its sum is divided by. */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly divisor: number;
}

/** Window o along an axis. */
export function windowOf(form: AvgForm, { size, out, kernel, stride, padding }: PoolAxis, o: number): Window {
  if (form === "adaptive") {
    const [from, to] = [Math.floor((o * size) / out), Math.ceil(((o + 1) * size) / out)];
    return { from, to, divisor: to - from };
  }
  const begin = o * stride - padding;
  const end = Math.min(begin + kernel, size + padding);
  const [from, to] = [Math.max(begin, 0), Math.min(end, size)];
  return { from, to, divisor: form === "padded" ? end - begin : to - from };
}

/** The windows [first, last] along an axis that reach a place. */
export function windowsAt(
  form: AvgForm,
  { size, out, kernel, stride, padding, dilation }: PoolAxis,
  place: number,
): readonly [number, number] {
  if (form === "adaptive") return [Math.floor((place * out) / size), Math.ceil(((place + 1) * out) / size) - 1];
  const reach = dilation * (kernel - 1) + 1;
  const t = place + padding;
  return [Math.max(0, Math.ceil((t + 1 - reach) / stride)), Math.min(out - 1, Math.floor(t / stride))];
}

/** `body` for every place of every window in order: numbers of window and place over all planes, and the divisor. */
export function eachTerm(
  { form, dims: { planes, rows, columns } }: Averaged,
  body: (o: number, i: number, divisor: number) => void,
): void {
  for (let plane = 0; plane < planes; plane++) {
    for (let oy = 0; oy < rows.out; oy++) {
      const y = windowOf(form, rows, oy);
      for (let ox = 0; ox < columns.out; ox++) {
        const x = windowOf(form, columns, ox);
        const o = (plane * rows.out + oy) * columns.out + ox;
        for (let iy = y.from; iy < y.to; iy++) {
          for (let ix = x.from; ix < x.to; ix++) {
            body(o, (plane * rows.size + iy) * columns.size + ix, y.divisor * x.divisor);
          }
        }
      }
    }
  }
}
