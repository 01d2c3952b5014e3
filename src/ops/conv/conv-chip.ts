import { type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { OnChip } from "../shared/chip.ts";
import {
  type ConvInputGradientAttrs,
  type ConvWeightGradientAttrs,
  forwardDims,
  inputGradientDims,
  weightGradientDims,
} from "./dims.ts";
import type { Axis, ConvAttrs } from "./geometry.ts";

/**
 * Convolutions in the kernel of whole steps, an element of the result an invocation. Each is a sum over the positions of the
 * kernel, or of the places of y, of a product over what lies evenly spaced: channels, or images.
 */

/** A place along an axis; whether it exists is known when the code is written, or a WGSL condition, or needs no question. */
interface Spot {
  readonly at: Index;
  readonly exists: boolean | string;
}

/** a - b, where it may be below 0: u32 wraps, numbers do not. */
const minus = (a: Index, b: Index): Index => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return b === 0 ? a : `(${index.text(a)} - ${index.text(b)})`;
};

/** The place of x that element k of the kernel meets at place y. */
function xSpot(w: ChipWriter, { x, y, kernel, stride, before, dilation }: Axis, at: Index, k: Index): Spot {
  const spot = minus(index.plus(index.times(at, stride), index.times(k, dilation)), before);
  if (typeof spot === "number") return { at: spot, exists: spot >= 0 && spot < x };
  const inside = before === 0 && (y - 1) * stride + (kernel - 1) * dilation < x;
  const named = w.name(spot);
  return { at: named, exists: inside || `(${named} < ${x}u)` };
}

/** The place of y at which element k of the kernel meets place x. */
function ySpot(w: ChipWriter, { y, stride, before, dilation }: Axis, at: Index, k: Index): Spot {
  const reach = minus(index.plus(at, before), index.times(k, dilation));
  if (typeof reach === "number") {
    return { at: reach / stride, exists: reach >= 0 && reach % stride === 0 && reach / stride < y };
  }
  const named = w.name(reach);
  const spot = w.name(index.over(named, stride));
  const inside = `(${spot} < ${y}u)`;
  return { at: spot, exists: stride === 1 ? inside : `(${named} % ${stride}u == 0u) & ${inside}` };
}

/**
 * Adds to f32 `sum` what `term` gives for an element of the first operand, which lies in row and column `spots` of planes that
 * begin at `from`. Of one that does not exist element 0 is read, and nothing added: no branch, which may be written out often.
 */
function addWhere(
  w: ChipWriter,
  [row, column]: readonly [Spot, Spot],
  width: number,
  from: Index,
  term: (at: Index) => string,
): void {
  if (row.exists === false || column.exists === false) return;
  const conditions = [row.exists, column.exists].filter((c) => typeof c === "string");
  const at = index.plus(from, index.plus(index.times(row.at, width), column.at));
  if (conditions.length === 0) {
    w.add(`sum += ${term(at)};`);
    return;
  }
  const exists = w.name(conditions.join(" & "));
  const safe = w.name(`select(0u, ${index.text(at)}, ${exists})`);
  w.add(`sum += select(0.0, ${term(safe)}, ${exists});`);
}

/** Image, channel, row and column of element i of a value [n, channels, rows, columns]. */
function partsOf(w: ChipWriter, i: Index, channels: number, rows: number, columns: number) {
  const plane = w.name(index.over(i, rows * columns));
  return {
    image: w.name(index.over(plane, channels)),
    channel: w.name(index.rest(plane, channels)),
    row: w.name(index.rest(index.over(i, columns), rows)),
    column: w.name(index.rest(i, columns)),
  };
}

/** Element `channel` of `image`, in planes: where it begins among `channels` planes of rows times columns. */
const planeOf = (image: Index, channels: number, channel: Index, plane: number): Index =>
  index.times(index.plus(index.times(image, channels), channel), plane);

export const convOnChip: OnChip<ConvAttrs> = (w, [x, weights], [y], attrs) => {
  const dims = forwardDims([x!, weights!], attrs);
  const { n, c, out, cGroup, outGroup, rows, columns } = dims;
  const taps = rows.kernel * columns.kernel;
  w.each(n * out * rows.y * columns.y, (i) => {
    const { image, channel: o, row, column } = partsOf(w, i, out, rows.y, columns.y);
    const first = index.times(index.over(o, outGroup), cGroup);
    const from = w.name(planeOf(image, c, first, rows.x * columns.x));
    w.add("var sum = 0.0;");
    w.loop(0, rows.kernel, (kr) => {
      const down = xSpot(w, rows, row, kr);
      w.loop(0, columns.kernel, (kc) => {
        const tap = index.plus(index.times(kr, columns.kernel), kc);
        const spots = [down, xSpot(w, columns, column, kc)] as const;
        addWhere(w, spots, columns.x, from, (at) =>
          w.dot(
            cGroup,
            { value: x!, from: at, stride: rows.x * columns.x },
            { value: weights!, from: index.plus(index.times(o, cGroup * taps), tap), stride: taps },
          ),
        );
      });
    });
    w.add(`${y!.at(i)} = sum;`);
  });
};

export const convInputGradientOnChip: OnChip<ConvInputGradientAttrs> = (w, [dy, weights], [dx], attrs) => {
  const dims = inputGradientDims([dy!, weights!], attrs);
  const { n, c, out, cGroup, outGroup, rows, columns } = dims;
  const taps = rows.kernel * columns.kernel;
  w.each(n * c * rows.x * columns.x, (i) => {
    const { image, channel, row, column } = partsOf(w, i, c, rows.x, columns.x);
    const first = w.name(index.times(index.over(channel, cGroup), outGroup));
    const from = w.name(planeOf(image, out, first, rows.y * columns.y));
    const kernel = w.name(planeOf(first, cGroup, index.rest(channel, cGroup), taps));
    w.add("var sum = 0.0;");
    w.loop(0, rows.kernel, (kr) => {
      const down = ySpot(w, rows, row, kr);
      w.loop(0, columns.kernel, (kc) => {
        const tap = index.plus(index.times(kr, columns.kernel), kc);
        const spots = [down, ySpot(w, columns, column, kc)] as const;
        addWhere(w, spots, columns.y, from, (at) =>
          w.dot(
            outGroup,
            { value: dy!, from: at, stride: rows.y * columns.y },
            { value: weights!, from: index.plus(kernel, tap), stride: cGroup * taps },
          ),
        );
      });
    });
    w.add(`${dx!.at(i)} = sum;`);
  });
};

export const convWeightGradientOnChip: OnChip<ConvWeightGradientAttrs> = (w, [x, dy], [dw], attrs) => {
  const dims = weightGradientDims([x!, dy!], attrs);
  const { n, c, out, cGroup, outGroup, rows, columns } = dims;
  const [planeX, planeY] = [rows.x * columns.x, rows.y * columns.y];
  w.each(out * cGroup * rows.kernel * columns.kernel, (i) => {
    const { image: o, channel: inGroup, row: kr, column: kc } = partsOf(w, i, cGroup, rows.kernel, columns.kernel);
    const channel = index.plus(index.times(index.over(o, outGroup), cGroup), inGroup);
    const from = w.name(index.times(channel, planeX));
    w.add("var sum = 0.0;");
    w.loop(0, rows.y, (yr) => {
      const down = xSpot(w, rows, yr, kr);
      w.loop(0, columns.y, (yc) => {
        const place = index.plus(index.times(yr, columns.y), yc);
        const spots = [down, xSpot(w, columns, yc, kc)] as const;
        addWhere(w, spots, columns.x, from, (at) =>
          w.dot(
            n,
            { value: x!, from: at, stride: c * planeX },
            { value: dy!, from: index.plus(index.times(o, planeY), place), stride: out * planeY },
          ),
        );
      });
    });
    w.add(`${dw!.at(i)} = sum;`);
  });
};
