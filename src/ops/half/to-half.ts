import { toHalf as toHalfCode, toHalfParams } from "../../../shaders/half/to-half.ts";
import { roundToHalf } from "../../core/half.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Op } from "../../graph/op.ts";
import { flatLaunch, flatWindows, input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";

/** Windows of arrays that may hold halves begin at whole multiples of what a binding must, counted in the smaller elements. */
export const capsForHalves = (caps: DeviceCaps): DeviceCaps => ({
  ...caps,
  minStorageBufferOffsetAlignment: 2 * caps.minStorageBufferOffsetAlignment,
});

/** Launches that write `size` floats of one binding as halves to another. */
export function halfPlan(size: number, from: Binding, to: Binding, caps: DeviceCaps, vector: boolean): KernelPlan {
  return flatWindows(size, capsForHalves(caps), (window, count) => {
    const invocations = Math.ceil(count / (vector ? 4 : 2));
    const params = toHalfParams(invocations, count);
    return flatLaunch(toHalfCode(vector), params, [window(from), window(to)], invocations, caps);
  });
}

const kernel = (name: string, vector: boolean): Kernel<null> => ({
  name: `toHalf/${name}`,
  plan([x], _o, _a, caps) {
    const size = sizeOf(x!.shape);
    return vector && size % 4 !== 0 ? null : halfPlan(size, input(0), output(0), caps, vector);
  },
});

/**
 * y = x, stored as halves: each rounded to the nearest, ties to even; infinity beyond the largest. Its gradient is that of
 * a copy, since a step function's own says nothing, and so is what it stands for in exact arithmetic.
 */
export const toHalf: Op<null> = {
  name: "toHalf",
  infer: ([x]) => [{ shape: x!.shape, dtype: "f16" }],
  reference([x]) {
    const y = floatLike(x!, x!.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = roundToHalf(x!.data[i]!);
    return [y];
  },
  ideal: ([x]) => [{ ...x!, data: x!.data.slice() }],
  gradient: (_g, _node, [dy]) => [dy!],
  kernels: [kernel("words", false), kernel("vec4", true)],
};
