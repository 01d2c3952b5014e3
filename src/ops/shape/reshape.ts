import { ChainruleError } from "../../core/errors.ts";
import { type Shape, shapeText, sizeOf } from "../../core/ndarray.ts";
import type { Op } from "../../graph/op.ts";

/** Settings of reshape. */
export interface ReshapeAttrs {
  /** Dimensions of the result, which holds as many elements as the input. */
  readonly shape: Shape;
}

/** The same elements in the same order under another shape. A view: no copy. */
export const reshape: Op<ReshapeAttrs> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(shape) !== sizeOf(x!.shape)) {
      throw new ChainruleError(
        "shape",
        `reshape: ${shapeText(x!.shape)} has ${sizeOf(x!.shape)} elements, ${shapeText(shape)} ${sizeOf(shape)}`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  reference: ([x], { shape }) => [{ ...x!, shape }],
  gradient: (g, { inputs: [x] }, [dy]) => [g.one(reshape, [dy!], { shape: x!.shape }, `d ${x!.name}`)],
  kernels: [],
  view: "slice",
};
