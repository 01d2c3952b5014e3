import { float } from "../../../shaders/params.ts";
import { between, taps } from "../../../shaders/shape/upsample.ts";
import { type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { OnChip } from "../shared/chip.ts";
import { minus, smaller } from "./chip-index.ts";
import { gridOf, tapsOf, type UpsampleAttrs } from "./grid.ts";
import { coordinates } from "./strided.ts";

/** A place of the larger image's axis as two of the smaller one's, and WGSL of their weights. */
function tap(w: ChipWriter, i: Index, scale: number, n: number) {
  if (typeof i === "number") {
    const [[below, low], [above, high]] = tapsOf(i, scale, n, "bilinear") as readonly [
      [number, number],
      [number, number],
    ];
    return { below, above, low: float(low), high: float(high) };
  }
  const t = w.name(`tap(${i}, ${scale}u, ${n}u)`);
  const share = `${t}.z`;
  return {
    below: `${t}.x`,
    above: `${t}.y`,
    low: `tapWeight(${2 * scale}u - ${share}, ${scale}u)`,
    high: `tapWeight(${share}, ${scale}u)`,
  };
}

export const upsampleOnChip: OnChip<UpsampleAttrs> = (w, [x], [y], attrs) => {
  const { images, h, w: width, sy, sx } = gridOf(x!.shape, attrs);
  const at = (row: Index, column: Index): string => x!.at(index.plus(index.times(row, width), column));
  w.declare(taps);
  w.eachOf(y!, (i) => {
    const [image, r, c] = coordinates(w, i, [images, h * sy, width * sx]) as [Index, Index, Index];
    const first = index.times(image, h);
    if (attrs.mode === "nearest") {
      w.add(`${y!.at(i)} = ${at(index.plus(first, index.over(r, sy)), index.over(c, sx))};`);
      return;
    }
    const [ty, tx] = [tap(w, r, sy, h), tap(w, c, sx, width)];
    w.add(`let lowY = ${ty.low}; let highY = ${ty.high}; let lowX = ${tx.low}; let highX = ${tx.high};`);
    const row = (place: Index): [string, string] => {
      const from = w.name(index.plus(first, place));
      return [at(from, tx.below), at(from, tx.above)];
    };
    w.add(`${y!.at(i)} = ${between(...row(ty.below), ...row(ty.above))};`, 4);
  });
};

/** First place of the larger axis that place j of the smaller one may reach; 2 scale of them do at most. */
const reach = (j: Index, scale: number): Index => {
  const middle = index.plus(index.times(j, scale), Math.floor(scale / 2));
  return typeof middle === "number" ? Math.max(middle, scale) - scale : minus(`max(${middle}, ${scale}u)`, scale);
};

export const upsampleGradientOnChip: OnChip<UpsampleAttrs> = (w, [dy], [dx], attrs) => {
  const { images, h, w: width, sy, sx } = gridOf(dx!.shape, attrs);
  const [tall, wide] = [h * sy, width * sx];
  const nearest = attrs.mode === "nearest";
  const [rows, columns] = nearest ? [sy, sx] : [2 * sy, 2 * sx];
  w.declare(taps);
  w.eachOf(dx!, (i) => {
    const [image, k, j] = coordinates(w, i, [images, h, width]) as [Index, Index, Index];
    const fromY = w.name(nearest ? index.times(k, sy) : reach(k, sy));
    const fromX = w.name(nearest ? index.times(j, sx) : reach(j, sx));
    w.add("var sum = 0.0;");
    w.loop(0, rows * columns, (n) => {
      const r = w.name(index.plus(fromY, index.over(n, columns)));
      const c = w.name(index.plus(fromX, index.rest(n, columns)));
      const row = index.plus(index.times(image, tall), smaller(r, tall - 1));
      const value = dy!.at(index.plus(index.times(row, wide), smaller(c, wide - 1)));
      if (nearest) w.add(`sum += ${value};`);
      else w.add(`sum += ${weight(k, r, sy, h)} * ${weight(j, c, sx, width)} * ${value};`, 10);
    });
    w.add(`${dx!.at(i)} = sum;`);
  });
};

const weight = (j: Index, i: Index, scale: number, n: number): string =>
  `weightOf(${index.text(j)}, ${index.text(i)}, ${scale}u, ${n}u)`;
