import type { CrossEntropyPart } from "../../../shaders/loss/cross-entropy.ts";
import { slicedCrossEntropy, sliceParams, sliceParts, sliceWidth } from "../../../shaders/loss/weighted-slices.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel } from "../../graph/op.ts";
import { rowsByFours } from "../norm/row-plan.ts";
import { grid, input, scratch } from "../shared/dispatch-plan.ts";
import { summed } from "./cross-entropy.ts";

/**
 * The kernel of rows of so many classes that they are cut into slices; where one slice would be all, there is none. For
 * GPUs: an adapter on a CPU has no invocations that wait. `before` and `behind` are what the second kernel binds around
 * parts and losses.
 */
export const slicedKernel = (
  name: string,
  part: CrossEntropyPart,
  before: readonly Binding[],
  behind: readonly Binding[] = [],
): Kernel<{ readonly smoothing: number }> => ({
  name: `${name}/slices`,
  plan([x], _outputs, { smoothing: extra }, caps) {
    const [rows, N] = x!.shape as readonly [number, number];
    const four = rowsByFours(x!);
    const slices = Math.ceil(N / sliceWidth(four));
    if (slices === 1) return null;
    const count = rows * slices;
    const params = sliceParams.pack({ rows: count, N, extra, slices });
    const launch = (code: string, bindings: readonly Binding[]) => ({
      code,
      params,
      bindings,
      workgroups: grid(count, caps),
    });
    const parts = launch(sliceParts(four), [input(0), scratch(0, "read_write")]);
    const losses = part === "gradient" ? [] : [scratch(1, "read_write")];
    const bindings = [...before, scratch(0, "read"), ...losses, ...behind];
    const own = launch(slicedCrossEntropy(part, four), bindings);
    const f32 = (size: number): TensorSpec => ({ shape: [size], dtype: "f32" });
    if (part === "gradient") return { scratch: [f32(2 * count)], launches: [parts, own] };
    return { scratch: [f32(2 * count), f32(count)], launches: [parts, own, summed(scratch(1, "read"), count, 1)] };
  },
  suits: (_inputs, _attrs, { onCpu }: DeviceCaps) => !onCpu,
});
