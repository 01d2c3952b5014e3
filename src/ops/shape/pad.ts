import { padReflect, padZeros, reflectGradient as reflectGradientCode } from "../../../shaders/shape/pad.ts";
import { type Shape, sizeOf, zeros } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { mergedAxes, stridesOf } from "./axes.ts";
import { rowPlan } from "./chunks.ts";
import {
  type Amounts,
  axisNumbers,
  gatheredOnChip,
  gatheredSums,
  paddedAxes,
  paddedOnChip,
  paddingParams,
  padForm,
  sourceOf,
} from "./padding.ts";
import { gatherCall, gatherOnChip, gatherPlan, gatherWalk, type Walk } from "./strided.ts";

/** Settings of pad. */
export interface PadAttrs {
  /** Places in front of and behind each of the last axes; axes before those stay as they are. */
  readonly amounts: Amounts;
  /** What lies there: zeros, or the value's mirror image, whose axis is its first or last place. */
  readonly mode: "zeros" | "reflect";
}

const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0;

function paddedShape(shape: Shape, amounts: Amounts): Shape {
  const first = shape.length - amounts.length;
  return shape.map((n, k) => n + (amounts[k - first]?.[0] ?? 0) + (amounts[k - first]?.[1] ?? 0));
}

/** A value with places around it. */
export const pad: Op<PadAttrs> = {
  name: "pad",
  infer([x], { amounts, mode }) {
    const first = x!.shape.length - amounts.length;
    const text = amounts.map((pair) => `[${pair.join(", ")}]`).join(", ");
    if (first < 0 || !amounts.flat().every(isCount)) {
      wrongShapes(pad, [x!], `amounts [before, after] of at most ${x!.shape.length} axes, got ${text}`);
    }
    if (mode === "reflect" && amounts.some((pair, k) => Math.max(...pair) >= x!.shape[first + k]!)) {
      wrongShapes(pad, [x!], `amounts below the sizes that they mirror, got ${text}`);
    }
    return [{ shape: paddedShape(x!.shape, amounts), dtype: x!.dtype }];
  },
  reference([x], { amounts, mode }) {
    const axes = paddedAxes(x!.shape, amounts);
    const y = zeros(paddedShape(x!.shape, amounts), x!.dtype);
    for (let i = 0; i < y.data.length; i++) y.data[i] = x!.data[sourceOf(axes, i, mode === "reflect")] ?? 0;
    return [y];
  },
  wasm([x], [y], { amounts, mode }) {
    const axes = paddedAxes(x!.shape, amounts);
    const numbers = [sizeOf(y!.shape), mode === "reflect" ? 1 : 0, axes.length, ...axisNumbers(axes)];
    return flatCall("pad", [input(0), output(0), ...numbers], y!);
  },
  onChip(w, [x], [y], { amounts, mode }) {
    const axes = paddedAxes(x!.shape, amounts);
    w.eachOf(y!, (i) => w.add(`${y!.at(i)} = ${paddedOnChip(w, x!, axes, i, mode === "reflect")};`));
  },
  gradient(g, { inputs: [x], attrs: { amounts, mode } }, [dy]) {
    const name = `d ${x!.name}`;
    if (mode === "reflect") return [g.one(reflectGradient, [dy!], { amounts }, name)];
    const first = x!.shape.length - amounts.length;
    return [g.one(part, [dy!], { from: x!.shape.map((_, k) => amounts[k - first]?.[0] ?? 0), shape: x!.shape }, name)];
  },
  kernels: [
    {
      name: "pad/flat",
      plan([x], [y], { amounts, mode }, caps) {
        const axes = paddedAxes(x!.shape, amounts);
        const form = padForm(axes, mode);
        const unit = form === "single" ? 1 : 4;
        const code = mode === "reflect" ? padReflect(axes.length, form) : padZeros(axes.length, form);
        const count = axes[0]!.n === axes[0]!.m ? x!.shape[0]! : 1;
        const rows = { count, x: sizeOf(x!.shape) / count, y: sizeOf(y!.shape) / count };
        return rowPlan(pad, rows, caps, code, (s) => {
          const size = (s.rows * rows.y) / unit;
          return { params: paddingParams(axes, size, s, form), size };
        });
      },
    },
  ],
};

/** Settings of reflectGradient. */
export interface ReflectGradientAttrs {
  /** As pad's. */
  readonly amounts: Amounts;
}

function innerShape({ shape }: Pick<TensorSpec, "shape">, amounts: Amounts): Shape {
  const first = shape.length - amounts.length;
  return shape.map((m, k) => m - (amounts[k - first]?.[0] ?? 0) - (amounts[k - first]?.[1] ?? 0));
}

/** dx of a mirrored padding: for each place the sum of dy over all places that show it. */
export const reflectGradient: Op<ReflectGradientAttrs> = {
  name: "reflectGradient",
  infer([dy], { amounts }) {
    const shape = innerShape(dy!, amounts);
    if (!shape.slice(-amounts.length).every((n, k) => Math.max(...amounts[k]!) < n)) {
      wrongShapes(reflectGradient, [dy!], "amounts below the sizes that they mirror");
    }
    return [{ shape, dtype: "f32" }];
  },
  reference([dy], { amounts }) {
    const shape = innerShape(dy!, amounts);
    const dx = floatLike(dy!, shape);
    dx.data.set(gatheredSums(dy!, paddedAxes(shape, amounts), shape));
    return [dx];
  },
  wasm(_inputs, [dx], { amounts }) {
    const axes = paddedAxes(dx!.shape, amounts);
    const numbers = [sizeOf(dx!.shape) / axes.at(-1)!.n, axes.length, ...axisNumbers(axes)];
    return flatCall("reflectGradient", [input(0), output(0), ...numbers], dx!);
  },
  onChip(w, [dy], [dx], { amounts }) {
    const axes = paddedAxes(dx!.shape, amounts);
    w.eachOf(dx!, (j) => {
      w.add("var sum = 0.0;");
      gatheredOnChip(w, dy!, axes, j);
      w.add(`${dx!.at(j)} = sum;`);
    });
  },
  gradient: "none",
  kernels: [
    {
      name: "reflectGradient/gather",
      plan([dy], [dx], { amounts }, caps) {
        const axes = paddedAxes(dx!.shape, amounts);
        const four = padForm(axes, "reflect") === "fours";
        const code = reflectGradientCode(
          axes.map(({ n, m }) => n !== m),
          four,
        );
        const count = axes[0]!.n === axes[0]!.m ? dx!.shape[0]! : 1;
        const rows = { count, x: sizeOf(dy!.shape) / count, y: sizeOf(dx!.shape) / count };
        return rowPlan(reflectGradient, rows, caps, code, (s) => {
          const size = (s.rows * rows.y) / (four ? 4 : 1);
          return { params: paddingParams(axes, size, s, four ? "fours" : "single"), size };
        });
      },
    },
  ],
};

/** Settings of part. */
export interface PartAttrs {
  /** First place along each axis. */
  readonly from: readonly number[];
  /** Places along each axis. */
  readonly shape: Shape;
}

function partWalk(x: Pick<TensorSpec, "shape">, { from, shape }: PartAttrs): Walk {
  const strides = stridesOf(x.shape);
  const start = from.reduce((sum, f, k) => sum + f * strides[k]!, 0);
  return { start, axes: mergedAxes(shape.map((size, k) => ({ size, stride: strides[k]! }))) };
}

/** A stretch of every axis: rows 2 to 4 and all columns, say. What lies around it gets a gradient of 0. */
export const part: Op<PartAttrs> = {
  name: "part",
  infer([x], { from, shape }) {
    const fits =
      from.length === x!.shape.length &&
      shape.length === from.length &&
      from.every((f, k) => f >= 0 && shape[k]! > 0 && f + shape[k]! <= x!.shape[k]!);
    if (!fits) wrongShapes(part, [x!], `a stretch inside it, got [${shape.join(", ")}] from [${from.join(", ")}]`);
    return [{ shape, dtype: x!.dtype }];
  },
  reference([x], attrs) {
    const y = zeros(attrs.shape, x!.dtype);
    gatherWalk(x!, partWalk(x!, attrs), y);
    return [y];
  },
  wasm: ([x], _outputs, attrs) => gatherCall(partWalk(x!, attrs)),
  onChip: (w, [x], [y], attrs) => gatherOnChip(w, x!, y!, partWalk(x!, attrs)),
  gradient(g, { inputs: [x], attrs: { from, shape } }, [dy]) {
    const amounts = from.map((f, k) => [f, x!.shape[k]! - shape[k]! - f] as const);
    return [g.one(pad, [dy!], { amounts, mode: "zeros" }, `d ${x!.name}`)];
  },
  kernels: [
    {
      name: "part/strided",
      plan([x], [y], attrs, caps) {
        const count = attrs.shape[0] === x!.shape[0] ? x!.shape[0]! : 1;
        const rows = { count, x: sizeOf(x!.shape) / count, y: sizeOf(y!.shape) / count };
        return gatherPlan(part, partWalk(x!, attrs), rows, caps);
      },
    },
  ],
};
