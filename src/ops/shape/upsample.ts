import {
  upsampleGradientAcross as acrossCode,
  upsampleGradient as gradientCode,
  upsampleGradientPairs as pairsCode,
  upsample as upsampleCode,
  upsampleParams,
} from "../../../shaders/shape/upsample.ts";
import { type NdArray, type Shape, sizeOf } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { inFours, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { rowPlan } from "./chunks.ts";
import { eachTap, type Grid, gridOf, type UpsampleAttrs } from "./grid.ts";
import { upsampleGradientOnChip, upsampleOnChip } from "./upsample-chip.ts";

const scaled = (shape: Shape, scale: readonly number[], by: (n: number, s: number) => number): Shape =>
  shape.map((n, k) => by(n, scale[k - shape.length + scale.length] ?? 1));
const smallShape = ({ shape }: Pick<TensorSpec, "shape">, { scale }: UpsampleAttrs): Shape =>
  scaled(shape, scale, (n, s) => n / s);
const largeShape = ({ shape }: Pick<TensorSpec, "shape">, { scale }: UpsampleAttrs): Shape =>
  scaled(shape, scale, (n, s) => n * s);

function requireScale(inputs: readonly TensorSpec[], op: { readonly name: string }, { scale }: UpsampleAttrs): void {
  const fits = scale.length >= 1 && scale.length <= 2 && scale.length <= inputs[0]!.shape.length;
  if (!fits || !scale.every((s) => Number.isInteger(s) && s >= 1)) {
    wrongShapes(op, inputs, `one or two scales for the last axes, whole numbers from 1, got [${scale.join(", ")}]`);
  }
}

function sums(x: NdArray, shape: Shape, add: (out: Float64Array) => void): NdArray {
  const out = new Float64Array(sizeOf(shape));
  add(out);
  const y = floatLike(x, shape);
  y.data.set(out);
  return y;
}

const numbersOf = ({ images, h, w, sy, sx }: Grid, mode: UpsampleAttrs["mode"]): number[] => [
  images,
  h,
  w,
  sy,
  sx,
  mode === "nearest" ? 0 : 1,
];

/** Larger images by whole factors, as PyTorch's Upsample makes them (align_corners false). */
export const upsample: Op<UpsampleAttrs> = {
  name: "upsample",
  infer(inputs, attrs) {
    requireScale(inputs, upsample, attrs);
    return [{ shape: largeShape(inputs[0]!, attrs), dtype: "f32" }];
  },
  reference: ([x], attrs) => [
    sums(x!, largeShape(x!, attrs), (y) =>
      eachTap(gridOf(x!.shape, attrs), attrs.mode, (i, j, weight) => {
        y[i]! += weight * x!.data[j]!;
      }),
    ),
  ],
  wasm: ([x], [y], attrs) =>
    flatCall("upsample", [input(0), output(0), ...numbersOf(gridOf(x!.shape, attrs), attrs.mode)], y!),
  onChip: upsampleOnChip,
  gradient: (g, { inputs: [x], attrs }, [dy]) => [g.one(upsampleGradient, [dy!], attrs, `d ${x!.name}`)],
  kernels: [
    {
      name: "upsample/flat",
      plan([x], _outputs, attrs, caps) {
        const { images, h, w, sy, sx } = gridOf(x!.shape, attrs);
        const rows = { count: images, x: h * w, y: h * sy * w * sx };
        const [four] = inFours(w * sx);
        const unit = four ? 4 : 1;
        return rowPlan(upsample, rows, caps, upsampleCode(attrs.mode, four), (s) => {
          const size = (s.rows * rows.y) / unit;
          return { params: upsampleParams.pack({ size, readFrom: s.from, writeTo: s.to / unit, h, w, sy, sx }), size };
        });
      },
    },
  ],
};

/** The text of dx, and how many places it takes at once. */
function gradientForm(mode: UpsampleAttrs["mode"], sx: number, w: number): readonly [code: string, unit: number] {
  if (w % 4 !== 0 || (sx !== 2 && (sx !== 4 || mode === "nearest"))) return [gradientCode(mode), 1];
  return [mode === "nearest" ? pairsCode() : acrossCode(sx), 4];
}

/** dx: for each place the sum of dy over the places that it reaches, weighted as upsample does. */
export const upsampleGradient: Op<UpsampleAttrs> = {
  name: "upsampleGradient",
  infer(inputs, attrs) {
    requireScale(inputs, upsampleGradient, attrs);
    const shape = smallShape(inputs[0]!, attrs);
    if (!shape.every(Number.isInteger)) wrongShapes(upsampleGradient, inputs, "sizes that are multiples of the scale");
    return [{ shape, dtype: "f32" }];
  },
  reference([dy], attrs) {
    const shape = smallShape(dy!, attrs);
    return [
      sums(dy!, shape, (dx) =>
        eachTap(gridOf(shape, attrs), attrs.mode, (i, j, weight) => {
          dx[j]! += weight * dy!.data[i]!;
        }),
      ),
    ];
  },
  wasm: ([dy], [dx], attrs) =>
    flatCall("upsampleGradient", [input(0), output(0), ...numbersOf(gridOf(dx!.shape, attrs), attrs.mode)], dy!),
  onChip: upsampleGradientOnChip,
  gradient: "none",
  kernels: [
    {
      name: "upsampleGradient/gather",
      plan(_inputs, [dx], attrs, caps) {
        const { images, h, w, sy, sx } = gridOf(dx!.shape, attrs);
        const rows = { count: images, x: h * sy * w * sx, y: h * w };
        const [code, unit] = gradientForm(attrs.mode, sx, w);
        return rowPlan(upsampleGradient, rows, caps, code, (s) => {
          const [size, readFrom, writeTo] = [s.rows * rows.y, s.from, s.to].map((n) => n / unit) as [
            number,
            number,
            number,
          ];
          return { params: upsampleParams.pack({ size, readFrom, writeTo, h, w, sy, sx }), size };
        });
      },
    },
  ],
};
