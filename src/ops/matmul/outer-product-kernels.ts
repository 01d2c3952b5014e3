import {
  OUTER_TILE,
  outerParams,
  outerProduct as outerProductCode,
  outerProductTile,
  outerTileParams,
} from "../../../shaders/matmul/outer-product.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps, Kernel } from "../../graph/op.ts";
import { flatLaunch, flatWindows, input, output } from "../shared/dispatch-plan.ts";

/** Only where C is bound whole, and by rows of whole fours. */
const tile: Kernel<null> = {
  name: "outerProduct/tile",
  plan(inputs, _outputs, _attrs, caps) {
    const M = inputs[0]!.shape[1]!;
    const N = inputs[1]!.shape[1]!;
    const workgroups = [Math.ceil(N / 4 / OUTER_TILE.columns), Math.ceil(M / OUTER_TILE.rows), 1] as const;
    const most = caps.maxComputeWorkgroupsPerDimension;
    if (N % 4 !== 0 || M * N * 4 > caps.maxStorageBufferBindingSize || workgroups.some((w) => w > most)) return null;
    const params = outerTileParams.pack({ M, N: N / 4 });
    const bindings = [input(0), input(1), output(0)];
    return { launches: [{ code: outerProductTile(), params, bindings, workgroups }] };
  },
};

function flat(name: string, vector: boolean): Kernel<null> {
  return {
    name: `outerProduct/${name}`,
    plan(inputs: readonly TensorSpec[], _outputs, _attrs, caps: DeviceCaps) {
      const M = inputs[0]!.shape[1]!;
      const N = inputs[1]!.shape[1]!;
      const width = vector ? 4 : 1;
      if (N % width !== 0) return null;
      return flatWindows(M * N, caps, (window, count, start) => {
        const params = outerParams.pack({ size: count / width, N: N / width, base: start / width });
        const bindings = [input(0), input(1), window(output(0))];
        return flatLaunch(outerProductCode(vector), params, bindings, count / width, caps);
      });
    },
  };
}

/** Of C [M, N] = aT b, the simplest first. */
export const outerProductKernels: readonly Kernel<null>[] = [flat("scalar", false), flat("vec4", true), tile];
