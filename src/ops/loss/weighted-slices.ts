import type { CrossEntropyPart } from "../../../shaders/loss/cross-entropy.ts";
import {
  slicedGradient,
  slicedGradientParams,
  slicedRowParams,
  slicedRows,
  sliceParams,
  sliceParts,
  slicesOf,
} from "../../../shaders/loss/weighted-slices.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps, Kernel } from "../../graph/op.ts";
import { flatLaunch, grid, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { summed } from "./cross-entropy.ts";

/**
 * The kernel of rows of so many classes that they are cut into slices; where one slice would be all, there is none. For
 * GPUs: an adapter on a CPU has no invocations that wait. By fours wherever all logits together are whole ones.
 */
export const slicedKernel = (name: string, part: CrossEntropyPart): Kernel<{ readonly smoothing: number }> => ({
  name: `${name}/slices`,
  plan([x], _outputs, { smoothing: extra }, caps) {
    const [rows, N] = x!.shape as readonly [number, number];
    const [four, size] = inFours(rows * N);
    const slices = slicesOf(N, four);
    if (slices === 1) return null;
    const [labels, dloss] = [input(1), input(2)];
    const [weights, sums] = part === "loss" ? [input(2), input(3)] : [input(3), input(4)];
    const losses = part === "gradient" ? null : { made: scratch(2, "read_write"), read: scratch(2, "read") };
    const dx = part === "loss" ? null : output(part === "both" ? 1 : 0);
    const count = rows * slices;
    const f32 = (n: number): TensorSpec => ({ shape: [n], dtype: "f32" });
    return {
      scratch: [f32(4 * count), f32(4 * rows), f32(rows)],
      launches: [
        {
          code: sliceParts(four),
          params: sliceParams.pack({ rows: count, N, extra, slices }),
          bindings: [input(0), weights, scratch(0, "read_write")],
          workgroups: grid(count, caps),
        },
        {
          code: slicedRows(part),
          params: slicedRowParams.pack({ rows, N, extra, slices }),
          bindings: [
            ...[scratch(0, "read"), labels, weights],
            ...(losses ? [input(0), sums, losses.made] : []),
            ...(dx ? [scratch(1, "read_write")] : []),
          ],
          workgroups: grid(rows, caps),
        },
        ...(losses ? [summed(losses.read, rows, 1)] : []),
        ...(dx
          ? [
              flatLaunch(
                slicedGradient(four),
                slicedGradientParams.pack({ size, rows, N, smoothing: extra }),
                [input(0), labels, dloss, weights, sums, scratch(1, "read"), dx],
                size,
                caps,
              ),
            ]
          : []),
      ],
    };
  },
  suits: (_inputs, _attrs, { onCpu }: DeviceCaps) => !onCpu,
});
