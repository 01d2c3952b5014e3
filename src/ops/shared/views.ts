import { ChainruleError } from "../../core/errors.ts";
import { cast, type Shape, sizeOf, type TypedArray, zeros } from "../../core/ndarray.ts";
import type { Op } from "../../graph/op.ts";

/** Views begin at multiples of 64 elements: 256 bytes, what a binding's offset must be a multiple of. */
export const VIEW_ALIGNMENT = 64;

export const alignView = (elements: number): number => Math.ceil(elements / VIEW_ALIGNMENT) * VIEW_ALIGNMENT;

export interface SliceAttrs {
  readonly offset: number;
  readonly shape: Shape;
}

/** A stretch of a flat array under a shape of its own: a parameter inside the buffer of all parameters. No copy. */
export const slice: Op<SliceAttrs> = {
  name: "slice",
  infer([x], { offset, shape }) {
    if (offset % VIEW_ALIGNMENT !== 0 || offset + sizeOf(shape) > sizeOf(x!.shape)) {
      throw new ChainruleError("shape", `slice: ${sizeOf(shape)} elements at ${offset} of ${sizeOf(x!.shape)}`);
    }
    return [{ shape, dtype: x!.dtype }];
  },
  reference([x], { offset, shape }) {
    return [{ shape, dtype: x!.dtype, data: x!.data.subarray(offset, offset + sizeOf(shape)) as TypedArray }];
  },
  gradient: "none",
  kernels: [],
  view: "slice",
};

export interface PackAttrs {
  readonly offsets: readonly number[];
  readonly size: number;
}

/** Arrays side by side in one flat array, zeros between them: all gradients in one buffer. No copy on the device. */
export const pack: Op<PackAttrs> = {
  name: "pack",
  infer: (inputs, { size }) => [{ shape: [size], dtype: inputs[0]!.dtype }],
  reference(inputs, { offsets, size }) {
    const out = zeros([size], inputs[0]!.dtype);
    inputs.forEach((x, i) => {
      out.data.set(cast(x, out.dtype).data, offsets[i]!);
    });
    return [out];
  },
  gradient: "none",
  kernels: [],
  view: "pack",
};
