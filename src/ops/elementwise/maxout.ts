import { finiteTests } from "../../../shaders/common.ts";
import {
  better,
  maxoutGradient as gradientCode,
  maxout as maxoutCode,
  maxoutParams,
  take,
} from "../../../shaders/elementwise/maxout.ts";
import { type NdArray, sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { DeviceCaps, KernelPlan, Op } from "../../graph/op.ts";
import { rowPlan, type Stretch } from "../shape/chunks.ts";
import { inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";

/** Settings of maxout. */
export interface MaxoutAttrs {
  /** Neighbouring channels of which the largest is taken; their number divides that of all channels. */
  readonly pieces: number;
}

type Shaped = Pick<TensorSpec, "shape">;

/** Rows of groups, and groups in each: elements of a group are `inner` apart. */
function groups(x: Shaped, { pieces }: MaxoutAttrs): { outer: number; inner: number } {
  return { outer: (x.shape[0]! * x.shape[1]!) / pieces, inner: sizeOf(x.shape.slice(2)) };
}

function outShape({ shape }: Shaped, { pieces }: MaxoutAttrs): readonly number[] {
  return shape.map((size, k) => (k === 1 ? size / pieces : size));
}

function requirePieces(op: { readonly name: string }, inputs: readonly TensorSpec[], x: TensorSpec, pieces: number) {
  const fits = Number.isInteger(pieces) && pieces >= 1 && x.shape.length >= 2 && x.shape[1]! % pieces === 0;
  if (!fits) wrongShapes(op, inputs, `x [n, c, ...] with channels that ${pieces} pieces divide`);
}

/** Calls `each` for every group: its number, its elements' places, and which of them is the largest: the first, or NaN. */
export function eachGroup(
  x: NdArray,
  attrs: MaxoutAttrs,
  each: (i: number, elements: readonly number[], best: number) => void,
): void {
  const { outer, inner } = groups(x, attrs);
  for (let i = 0; i < outer * inner; i++) {
    const first = Math.floor(i / inner) * attrs.pieces * inner + (i % inner);
    const elements = Array.from({ length: attrs.pieces }, (_, k) => first + k * inner);
    let best = first;
    for (const at of elements) {
      const [v, most] = [x.data[at]!, x.data[best]!];
      if (v > most || (Number.isNaN(v) && !Number.isNaN(most))) best = at;
    }
    each(i, elements, best);
  }
}

const numbers = (x: TensorSpec, attrs: MaxoutAttrs): number[] => {
  const { outer, inner } = groups(x, attrs);
  return [outer, attrs.pieces, inner];
};

/** `best` and `place` of group i; returns where its first element is. */
function bestOnChip(w: ChipWriter, x: ChipValue, i: Index, attrs: MaxoutAttrs): Index {
  const { inner } = groups(x, attrs);
  w.declare(finiteTests);
  w.declare(better);
  const row = index.times(index.over(i, inner), attrs.pieces * inner);
  const first = w.name(index.plus(row, index.rest(i, inner)));
  w.add(`var best = ${x.at(first)}; var place = 0u;`);
  w.loop(1, attrs.pieces, (k) => w.add(take(x.at(index.plus(first, index.times(k, inner))), index.text(k)), 3));
  return first;
}

/** Launches over groups, row by row: x has `pieces` elements for each of what y or dy has. */
function groupPlan(
  op: { readonly name: string },
  x: TensorSpec,
  attrs: MaxoutAttrs,
  caps: DeviceCaps,
  code: (four: boolean) => string,
  bindings: NonNullable<Parameters<typeof rowPlan>[5]>,
): KernelPlan {
  const each = sizeOf(x.shape) / x.shape[0]!;
  const rows = { count: x.shape[0]!, x: each, y: each / attrs.pieces };
  // Four groups at once, where their elements lie side by side.
  const [four, inner] = inFours(groups(x, attrs).inner);
  const unit = four ? 4 : 1;
  const params = ({ rows: count, from, to }: Stretch) => {
    const size = (count * rows.y) / unit;
    const [firstX, firstY] = [from / unit, to / unit];
    return { params: maxoutParams.pack({ size, firstX, firstY, pieces: attrs.pieces, inner }), size };
  };
  return rowPlan(op, rows, caps, code(four), params, bindings);
}

/** y [n, c / pieces, ...]: the largest of each group of neighbouring channels of x [n, c, ...]. */
export const maxout: Op<MaxoutAttrs> = {
  name: "maxout",
  infer(inputs, attrs) {
    requirePieces(maxout, inputs, inputs[0]!, attrs.pieces);
    return [{ shape: outShape(inputs[0]!, attrs), dtype: "f32" }];
  },
  reference([x], attrs) {
    const y = floatLike(x!, outShape(x!, attrs));
    eachGroup(x!, attrs, (i, _elements, best) => {
      y.data[i] = x!.data[best]!;
    });
    return [y];
  },
  wasm: ([x], _outputs, attrs) =>
    call("maxout", [input(0), output(0), ...numbers(x!, attrs)], partsOf(sizeOf(x!.shape))),
  onChip(w, [x], [y], attrs) {
    w.eachOf(y!, (i) => {
      bestOnChip(w, x!, i, attrs);
      w.add(`${y!.at(i)} = best;`);
    });
  },
  gradient: (g, { inputs: [x], attrs }, [dy]) => [g.one(maxoutGradient, [dy!, x!], attrs, `d ${x!.name}`)],
  kernels: [
    {
      name: "maxout/flat",
      plan: ([x], _outputs, attrs, caps) =>
        groupPlan(maxout, x!, attrs, caps, maxoutCode, (toX, toY) => [toX(input(0)), toY(output(0))]),
    },
  ],
};

/** dx: dy where x is the largest of its group, the first of several; 0 elsewhere. */
export const maxoutGradient: Op<MaxoutAttrs> = {
  name: "maxoutGradient",
  infer(inputs, attrs) {
    const [dy, x] = inputs as readonly [TensorSpec, TensorSpec];
    requirePieces(maxoutGradient, inputs, x, attrs.pieces);
    if (sizeOf(dy.shape) * attrs.pieces !== sizeOf(x.shape))
      wrongShapes(maxoutGradient, inputs, "dy of maxout's shape");
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference([dy, x], attrs) {
    const dx = floatLike(dy!, x!.shape);
    eachGroup(x!, attrs, (i, _elements, best) => {
      dx.data[best] = dy!.data[i]!;
    });
    return [dx];
  },
  wasm: ([, x], _outputs, attrs) =>
    call("maxoutGradient", [input(0), input(1), output(0), ...numbers(x!, attrs)], partsOf(sizeOf(x!.shape))),
  onChip(w, [dy, x], [dx], attrs) {
    const { inner } = groups(x!, attrs);
    w.eachOf(dy!, (i) => {
      const first = bestOnChip(w, x!, i, attrs);
      w.loop(0, attrs.pieces, (k) => {
        const at = dx!.at(index.plus(first, index.times(k, inner)));
        w.add(`${at} = select(0.0, ${dy!.at(i)}, place == ${index.text(k)});`);
      });
    });
  },
  gradient: "none",
  kernels: [
    {
      name: "maxoutGradient/flat",
      plan: ([, x], _outputs, attrs, caps) =>
        groupPlan(maxoutGradient, x!, attrs, caps, gradientCode, (toX, toY) => [
          toY(input(0)),
          toX(input(1)),
          toX(output(0)),
        ]),
    },
  ],
};
