import { type NdArray, zeros } from "../../core/ndarray.ts";
import { expectRank, type TensorSpec } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { floatLike } from "../shared/rounding.ts";
import {
  expectPooled,
  firstPlace,
  type MaxPoolAttrs,
  onePlane,
  type PoolAxis,
  type PoolDims,
  poolDims,
  pooledShape,
  reachOf,
} from "./geometry.ts";
import { maxPoolGradientOnChip, maxPoolOnChip } from "./max-pool-chip.ts";
import { maxPoolGradientKernels, maxPoolKernels } from "./pool-plans.ts";
import { maxPoolGradientWasm, maxPoolWasm } from "./pool-wasm.ts";

export type { MaxPoolAttrs } from "./geometry.ts";

/** The places of x, which those of y do not tell. */
export interface MaxPoolGradientAttrs extends MaxPoolAttrs {
  readonly places: readonly number[];
}

/** `body` for every place of every window in order: `o` counts windows over all planes, `place` within the plane. */
export function eachPlace(
  { planes, rows, columns }: PoolDims,
  body: (o: number, place: number, plane: number) => void,
): void {
  const places = (axis: PoolAxis): number[][] =>
    Array.from({ length: axis.out }, (_, o) => {
      const found: number[] = [];
      const end = Math.min(o * axis.stride - axis.padding + reachOf(axis), axis.size);
      for (let i = firstPlace(axis, o); i < end; i += axis.dilation) found.push(i);
      return found;
    });
  const [down, across] = [places(rows), places(columns)];
  for (let plane = 0; plane < planes; plane++) {
    for (let oy = 0; oy < rows.out; oy++) {
      for (let ox = 0; ox < columns.out; ox++) {
        const o = (plane * rows.out + oy) * columns.out + ox;
        for (const y of down[oy]!) for (const x of across[ox]!) body(o, y * columns.size + x, plane);
      }
    }
  }
}

/** Places of a plane of x. */
export const planeSize = ({ rows, columns }: PoolDims): number => rows.size * columns.size;

/**
 * y, the largest of each window of x [n, c, ...places], and i32 index, where in its plane it lies: the first of several.
 * NaN is larger than any number, as in PyTorch. Throws ChainruleError "shape" where padding is above half the kernel, the
 * window is larger than the padded input, or a window would hold only padding.
 */
export const maxPool: Op<MaxPoolAttrs> = {
  name: "maxPool",
  infer(inputs, attrs) {
    expectRank(maxPool, inputs, [inputs[0]?.shape.length ?? 0]);
    const x = inputs[0]!.shape;
    const shape = pooledShape(x, poolDims(maxPool, inputs, x, attrs));
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  reference([x], attrs) {
    const dims = maxDims([x!], attrs);
    const shape = pooledShape(x!.shape, dims);
    const y = floatLike(x!, shape);
    const index = zeros(shape, "i32");
    y.data.fill(Number.NEGATIVE_INFINITY);
    index.data.fill(-1);
    eachPlace(dims, (o, place, plane) => {
      const v = x!.data[plane * planeSize(dims) + place]!;
      if (index.data[o] !== -1 && !(v > y.data[o]!) && !Number.isNaN(v)) return;
      y.data[o] = v;
      index.data[o] = place;
    });
    return [y, index];
  },
  wasm: ([x], _outputs, attrs) => maxPoolWasm(maxDims([x!], attrs), x!),
  onChip: (w, [x], outputs, attrs) => maxPoolOnChip(w, x!, outputs, maxDims([x!], attrs)),
  gradient: (g, { inputs: [x], outputs: [, index], attrs }, [dy]) => [
    g.one(maxPoolGradient, [dy!, index!], { ...attrs, places: x!.shape.slice(2) }, `d ${x!.name}`),
  ],
  sample: onePlane,
  kernels: maxPoolKernels(([x], attrs) => maxDims([x!], attrs)),
};

/** Sizes, from x and the attributes. */
export const maxDims = ([x]: readonly Pick<NdArray, "shape">[], attrs: MaxPoolAttrs): PoolDims =>
  poolDims({ name: "maxPool" }, [{ shape: x!.shape, dtype: "f32" }], x!.shape, attrs);

/** dx [n, c, ...places] from dy and index, which maxPool gave: each place takes what the windows that chose it got. */
export const maxPoolGradient: Op<MaxPoolGradientAttrs> = {
  name: "maxPoolGradient",
  infer(inputs, attrs) {
    const rank = inputs[0]?.shape.length ?? 0;
    expectRank(maxPoolGradient, inputs, [rank, rank]);
    const x = gradientShape(inputs, attrs);
    expectPooled(maxPoolGradient, inputs, inputs, x, poolDims(maxPoolGradient, inputs, x, attrs));
    return [{ shape: x, dtype: "f32" }];
  },
  reference([dy, index], attrs) {
    const dims = gradientDims([dy!], attrs);
    const outs = dims.rows.out * dims.columns.out;
    const dx = floatLike(dy!, gradientShape([dy!], attrs));
    const sums = new Float64Array(dx.data.length);
    dy!.data.forEach((d, o) => {
      sums[Math.floor(o / outs) * planeSize(dims) + index!.data[o]!]! += d;
    });
    dx.data.set(sums);
    return [dx];
  },
  wasm: ([dy], [dx], attrs) => maxPoolGradientWasm(gradientDims([dy!], attrs), dx!),
  onChip: (w, inputs, [dx], attrs) => maxPoolGradientOnChip(w, inputs, dx!, gradientDims(inputs, attrs)),
  gradient: "none",
  kernels: maxPoolGradientKernels(([dy], attrs) => gradientDims([dy!], attrs)),
};

type Shaped = Pick<TensorSpec, "shape">;

const gradientShape = ([dy]: readonly Shaped[], { places }: MaxPoolGradientAttrs): readonly number[] => [
  ...dy!.shape.slice(0, 2),
  ...places,
];

/** Sizes, from dy and the attributes. */
export const gradientDims = ([dy]: readonly Shaped[], attrs: MaxPoolGradientAttrs): PoolDims =>
  poolDims({ name: "maxPoolGradient" }, [{ shape: dy!.shape, dtype: "f32" }], gradientShape([dy!], attrs), attrs);
