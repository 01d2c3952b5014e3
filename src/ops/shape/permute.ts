import { sizeOf, zeros } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { isOrder, mergedAxes, stridesOf } from "./axes.ts";
import { gatherCall, gatherOnChip, gatherPlan, gatherWalk, type Walk } from "./strided.ts";

/** Settings of permute. */
export interface PermuteAttrs {
  /** Which axis of the input each axis of the result is, rows included: all of them, each once. */
  readonly order: readonly number[];
}

/** Through x in the order of the result. */
export function permutedWalk({ shape }: Pick<TensorSpec, "shape">, { order }: PermuteAttrs): Walk {
  const strides = stridesOf(shape);
  return { start: 0, axes: mergedAxes(order.map((k) => ({ size: shape[k]!, stride: strides[k]! }))) };
}

/** Axes in another order: element [i, j, k] of x is element [j, k, i] of y where `order` is [1, 2, 0]. */
export const permute: Op<PermuteAttrs> = {
  name: "permute",
  infer([x], { order }) {
    if (!isOrder(order, x!)) {
      wrongShapes(permute, [x!], `an order of all ${x!.shape.length} axes, each once, got [${order.join(", ")}]`);
    }
    return [{ shape: order.map((k) => x!.shape[k]!), dtype: x!.dtype }];
  },
  reference([x], attrs) {
    const y = zeros(
      attrs.order.map((k) => x!.shape[k]!),
      x!.dtype,
    );
    gatherWalk(x!, permutedWalk(x!, attrs), y);
    return [y];
  },
  wasm: ([x], _outputs, attrs) => gatherCall(permutedWalk(x!, attrs)),
  onChip: (w, [x], [y], attrs) => gatherOnChip(w, x!, y!, permutedWalk(x!, attrs)),
  gradient: (g, { inputs: [x], attrs: { order } }, [dy]) => [
    g.one(permute, [dy!], { order: order.map((_, k) => order.indexOf(k)) }, `d ${x!.name}`),
  ],
  kernels: [
    {
      name: "permute/strided",
      plan([x], _outputs, attrs, caps) {
        // Rows that stay in their order are moved one by one.
        const count = attrs.order[0] === 0 ? x!.shape[0]! : 1;
        const each = sizeOf(x!.shape) / count;
        return gatherPlan(permute, permutedWalk(x!, attrs), { count, x: each, y: each }, caps);
      },
    },
  ],
};
