import type { Shape } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";

/** One axis of a walk through an array: so many steps, so many elements each. */
export interface Axis {
  readonly size: number;
  readonly stride: number;
}

/** How many elements one step along each axis of a row-major array goes. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let k = shape.length - 1; k >= 0; k--) {
    strides[k] = stride;
    stride *= shape[k]!;
  }
  return strides;
}

/** The same walk in as few axes as it takes: axes of one step go, and neighbours that go straight on become one. */
export function mergedAxes(axes: readonly Axis[]): readonly Axis[] {
  const merged: Axis[] = [];
  for (const { size, stride } of axes) {
    const before = merged.at(-1);
    if (size === 1) continue;
    if (before && before.stride === size * stride) merged.splice(-1, 1, { size: before.size * size, stride });
    else merged.push({ size, stride });
  }
  return merged.length > 0 ? merged : [{ size: 1, stride: 1 }];
}

/** True for a list of whole numbers from 0 to before the rank, each once. */
export const isOrder = (order: readonly number[], { shape }: TensorSpec): boolean =>
  order.length === shape.length && shape.every((_, k) => order.includes(k));
