import type { AvgForm } from "../../../shaders/pool/avg-pool.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import { type AvgPoolAttrs, dimsOf, expectPlaces, type PoolAxis, type PoolDims, poolDims } from "./geometry.ts";

/** The places of x, which those of y do not tell. */
export interface AvgPoolGradientAttrs extends AvgPoolAttrs {
  readonly places: readonly number[];
}

/** Settings of adaptiveAvgPool: places of y. */
export interface AdaptiveAvgPoolAttrs {
  readonly out: readonly number[];
}

/** Settings of its gradient: places of x. */
export interface AdaptiveAvgPoolGradientAttrs {
  readonly places: readonly number[];
}

/** An average over windows: how they lie, and the sizes. */
export interface Averaged {
  readonly form: AvgForm;
  readonly dims: PoolDims;
}

type Shaped = Pick<TensorSpec, "shape">;
/** Sizes of an op, from its input and attributes. Throws ChainruleError "shape" where they do not fit. */
export type AveragedOf<A> = (inputs: readonly Shaped[], attrs: A) => Averaged;

/** The shape of x that a gradient gives. */
export const gradientShape = (
  [dy]: readonly Shaped[],
  { places }: { readonly places: readonly number[] },
): readonly number[] => [...dy!.shape.slice(0, 2), ...places];

function windows(name: string, input: Shaped, x: readonly number[], attrs: AvgPoolAttrs): Averaged {
  const dims = poolDims({ name }, [{ shape: input.shape, dtype: "f32" }], x, attrs);
  return { form: attrs.countPadding ? "padded" : "inside", dims };
}

export const avgPoolOf: AveragedOf<AvgPoolAttrs> = ([x], attrs) => windows("avgPool", x!, x!.shape, attrs);
export const avgPoolGradientOf: AveragedOf<AvgPoolGradientAttrs> = ([dy], attrs) =>
  windows("avgPoolGradient", dy!, gradientShape([dy!], attrs), attrs);

/**
 * Pooling x to so many places whatever it has. Where they divide those of x, windows are those of a kernel that is its own
 * stride.
 */
function adaptive(name: string, input: Shaped, x: readonly number[], wanted: readonly number[]): Averaged {
  const inputs: readonly TensorSpec[] = [{ shape: input.shape, dtype: "f32" }];
  const dimensions = expectPlaces({ name }, inputs, x);
  if (wanted.length !== dimensions || wanted.some((v) => !Number.isInteger(v) || v < 1)) {
    const got = `[${wanted.join(", ")}]`;
    wrongShapes({ name }, inputs, `out of ${dimensions} whole number(s) from 1 up, one a dimension, not ${got}`);
  }
  const even = x.slice(2).every((size, d) => size % wanted[d]! === 0);
  const axes = x.slice(2).map((size, d): PoolAxis => {
    const out = wanted[d]!;
    const each = even ? size / out : 1;
    return { size, out, kernel: each, stride: each, padding: 0, dilation: 1 };
  });
  return { form: even ? "inside" : "adaptive", dims: dimsOf(x, axes) };
}

export const adaptiveAvgPoolOf: AveragedOf<AdaptiveAvgPoolAttrs> = ([x], { out }) =>
  adaptive("adaptiveAvgPool", x!, x!.shape, out);
export const adaptiveAvgPoolGradientOf: AveragedOf<AdaptiveAvgPoolGradientAttrs> = ([dy], attrs) =>
  adaptive("adaptiveAvgPoolGradient", dy!, gradientShape([dy!], attrs), dy!.shape.slice(2));
