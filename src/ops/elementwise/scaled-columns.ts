import { addScaledColumns as addCode, columnParams, scaledColumns as scaleCode } from "../../../shaders/columns.ts";
import { type Index, index } from "../../graph/chip.ts";
import { expectRank, wrongShapes } from "../../graph/graph.ts";
import type { DeviceCaps, Op } from "../../graph/op.ts";
import { rowPlan } from "../shape/chunks.ts";
import { elementwise } from "../shared/chip.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, flatCall, float, partsOf } from "../shared/wasm-plan.ts";

/** Where a narrower matrix stands in a wider one, and what it counts for. */
export interface ScaledColumnsAttrs {
  /** First column of the wider one. */
  readonly first: number;
  /** Columns of the narrower one. */
  readonly width: number;
  /** Factor of the narrower one's values. */
  readonly scale: number;
}

type Matrix = readonly [rows: number, columns: number];

/** Refuses a stretch that is not inside the wider matrix. */
function requireInside(
  op: { readonly name: string },
  inputs: Parameters<typeof wrongShapes>[1],
  a: ScaledColumnsAttrs,
) {
  const columns = inputs[0]!.shape[1]!;
  if (a.first < 0 || a.width < 1 || a.first + a.width > columns) {
    wrongShapes(op, inputs, `columns inside it, got ${a.width} from ${a.first} on`);
  }
}

/** Elements that an invocation takes: four where all stretches are whole fours. */
const unitOf = (N: number, { first, width }: ScaledColumnsAttrs): 1 | 4 =>
  [N, first, width].every((n) => n % 4 === 0) ? 4 : 1;

/** A launch over `size` elements of rows of N and of `width` values, in units. */
function sized(N: number, attrs: ScaledColumnsAttrs, elements: number, wide: number, narrow: number) {
  const unit = unitOf(N, attrs);
  const size = elements / unit;
  const { first, width, scale } = attrs;
  const numbers = { size, N: N / unit, W: width / unit, first: first / unit, wide: wide / unit, narrow: narrow / unit };
  return { params: columnParams.pack({ ...numbers, scale }), size };
}

/** Where element i of the narrower matrix stands in the wider one, whose rows have N values. */
const placeOf = (i: Index, N: number, { first, width }: ScaledColumnsAttrs): Index =>
  index.plus(index.times(index.over(i, width), N), index.plus(index.rest(i, width), first));

/**
 * y [M, N] = x [M, N], and `scale` times d [M, width] added to its columns from `first` on: what a low-rank adapter adds to
 * all of a projection, or to that part of it which gives queries, keys or values.
 */
export const addScaledColumns: Op<ScaledColumnsAttrs> = {
  name: "addScaledColumns",
  infer(inputs, attrs) {
    expectRank(addScaledColumns, inputs, [2, 2]);
    const [x, d] = inputs;
    if (d!.shape[0] !== x!.shape[0] || d!.shape[1] !== attrs.width) {
      wrongShapes(addScaledColumns, inputs, `x [M, N] and d [M, ${attrs.width}]`);
    }
    requireInside(addScaledColumns, inputs, attrs);
    return [{ shape: x!.shape, dtype: "f32" }];
  },
  reference([x, d], { first, width, scale }) {
    const [M, N] = x!.shape as Matrix;
    const y = floatLike(x!, x!.shape);
    y.data.set(x!.data);
    for (let m = 0; m < M; m++) {
      for (let k = 0; k < width; k++) {
        const at = m * N + first + k;
        y.data[at] = x!.data[at]! + scale * d!.data[m * width + k]!;
      }
    }
    return [y];
  },
  wasm([x], [y], { first, width, scale }) {
    return flatCall("addScaledColumns", [input(0), input(1), output(0), ...x!.shape, first, width, float(scale)], y!);
  },
  gradient: (g, { inputs: [, d], attrs }, [dy]) => [dy!, g.one(scaledColumns, [dy!], attrs, `d ${d!.name}`)],
  onChip(w, [x, d], [y], attrs) {
    const [M, N] = x!.shape as Matrix;
    const { first, width, scale } = attrs;
    for (const [from, count] of [
      [0, first],
      [first + width, N - first - width],
    ] as const) {
      if (count === 0) continue;
      w.each(M * count, (i) => {
        const at = placeOf(i, N, { first: from, width: count, scale });
        w.add(`${y!.at(at)} = ${x!.at(at)};`);
      });
    }
    w.eachOf(d!, (i) => {
      const at = placeOf(i, N, attrs);
      w.add(`${y!.at(at)} = ${x!.at(at)} + ${number(scale)} * ${d!.at(i)};`);
    });
  },
  kernels: [
    {
      name: "addScaledColumns/flat",
      plan([x], _outputs, attrs, caps) {
        const [M, N] = x!.shape as Matrix;
        return rowPlan(
          addScaledColumns,
          { count: M, x: attrs.width, y: N },
          caps,
          addCode(unitOf(N, attrs) === 4),
          (s) => sized(N, attrs, s.rows * N, s.to, s.from),
          (narrow, wide) => [wide(input(0)), narrow(input(1)), wide(output(0))],
        );
      },
    },
  ],
};

/** d [M, width] = `scale` times the columns of y [M, N] from `first` on: the gradient of what was added there. */
export const scaledColumns: Op<ScaledColumnsAttrs> = {
  name: "scaledColumns",
  infer(inputs, attrs) {
    expectRank(scaledColumns, inputs, [2]);
    requireInside(scaledColumns, inputs, attrs);
    return [{ shape: [inputs[0]!.shape[0]!, attrs.width], dtype: "f32" }];
  },
  reference([y], { first, width, scale }) {
    const [M, N] = y!.shape as Matrix;
    const d = floatLike(y!, [M, width]);
    for (let m = 0; m < M; m++) {
      for (let k = 0; k < width; k++) d.data[m * width + k] = scale * y!.data[m * N + first + k]!;
    }
    return [d];
  },
  wasm([y], [d], { first, width, scale }) {
    const [M, N] = y!.shape as Matrix;
    return call(
      "scaledColumns",
      [input(0), output(0), M, N, first, width, float(scale)],
      partsOf(d!.shape[0]! * width),
    );
  },
  gradient: "none",
  onChip(w, [y], [d], attrs) {
    const N = y!.shape[1]!;
    elementwise(w, d!, (i) => `${number(attrs.scale)} * ${y!.at(placeOf(i, N, attrs))}`);
  },
  kernels: [
    {
      name: "scaledColumns/flat",
      plan: ([y], _outputs, attrs, caps: DeviceCaps) => {
        const [M, N] = y!.shape as Matrix;
        return rowPlan(
          scaledColumns,
          { count: M, x: N, y: attrs.width },
          caps,
          scaleCode(unitOf(N, attrs) === 4),
          (s) => sized(N, attrs, s.rows * attrs.width, s.from, s.to),
        );
      },
    },
  ],
};

/** A number as WGSL's f32. */
const number = (value: number): string => `f32(${Math.fround(value)})`;
