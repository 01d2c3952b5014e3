import { finiteTests } from "../../../shaders/common.ts";
import { takeLarger } from "../../../shaders/pool/max-pool.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, index } from "../../graph/chip.ts";
import type { PoolDims } from "./geometry.ts";
import { and, mostWindows, placeOf, planeAndPlace, where, windowAt } from "./pool-chip.ts";

/** The formulas are those of the kernels: shaders/pool/max-pool.ts. */

export function maxPoolOnChip(w: ChipWriter, x: ChipValue, [y, at]: readonly ChipValue[], dims: PoolDims): void {
  w.declare(finiteTests);
  const { rows, columns } = dims;
  w.each(sizeOf(y!.shape), (o) => {
    const { plane, iy, ix } = planeAndPlace(w, o, rows.out, columns.out);
    const start = w.name(index.times(plane, rows.size * columns.size));
    w.add("var best = 0.0; var bestAt = 0u; var broken = false; var begun = false;");
    w.loop(0, rows.kernel, (ky) => {
      const yAt = placeOf(w, rows, iy, ky);
      if (!yAt) return;
      w.loop(0, columns.kernel, (kx) => {
        const xAt = placeOf(w, columns, ix, kx);
        if (!xAt) return;
        const inside = and(yAt.inside, xAt.inside);
        const place = w.name(index.plus(index.times(yAt.i, columns.size), xAt.i));
        const value = x.at(index.plus(start, place));
        // The first place inside is taken whatever it holds.
        w.add(`let first = ${and(inside, "!begun")}; begun = begun | first; best = select(best, ${value}, first);`, 2);
        w.add(`bestAt = select(bestAt, ${index.text(place)}, first);`);
        w.add(takeLarger(where(inside, value, "best"), index.text(place)), 4);
      });
    });
    w.add(`${y!.at(o)} = best; ${at!.at(o)} = i32(bestAt);`);
  });
}

export function maxPoolGradientOnChip(
  w: ChipWriter,
  [dy, at]: readonly ChipValue[],
  dx: ChipValue,
  { rows, columns }: PoolDims,
): void {
  w.each(sizeOf(dx.shape), (i) => {
    const { plane, iy, ix } = planeAndPlace(w, i, rows.size, columns.size);
    const place = w.name(index.plus(index.times(iy, columns.size), ix));
    w.add("var sum = 0.0;");
    w.loop(0, mostWindows(rows), (ky) => {
      const oy = windowAt(w, rows, iy, ky);
      if (!oy) return;
      const line = w.name(index.times(index.plus(index.times(plane, rows.out), oy.i), columns.out));
      w.loop(0, mostWindows(columns), (kx) => {
        const ox = windowAt(w, columns, ix, kx);
        if (!ox) return;
        const o = w.name(index.plus(line, ox.i));
        const chosen = and(`${at!.at(o)} == i32(${index.text(place)})`, oy.inside, ox.inside);
        w.add(`sum += select(0.0, ${dy!.at(o)}, ${chosen});`, 2);
      });
    });
    w.add(`${dx.at(i)} = sum;`);
  });
}
