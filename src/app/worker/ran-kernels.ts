import { chooseKernel } from "../../backend/webgpu/choose.ts";
import { ChainruleError } from "../../core/errors.ts";
import { rows, sizeOf } from "../../core/ndarray.ts";
import type { Node } from "../../graph/graph.ts";
import { fuse } from "../../ops/fuse.ts";
import { gradientGraph } from "../../train/run/gradient-graph.ts";
import { openGpu } from "./devices.ts";
import { timeNode } from "./kernels.ts";
import { current, parametersNow, trainingRows } from "./session.ts";

/** One kernel of a step, with the first of the values that it left behind. */
export interface RanKernel {
  readonly name: string;
  readonly kernel: string;
  readonly values: readonly number[];
  readonly size: number;
  readonly ms: number | null;
}

const VALUES = 6;

/** One row's gradients on the device: what each kernel computed, and how long it takes by itself. */
export async function ranKernels(row: number): Promise<readonly RanKernel[]> {
  const { backend, reason } = await openGpu();
  if (!backend) throw new ChainruleError("adapter", reason ?? "there is no WebGPU here");
  const { model, seed } = current().trainer.options;
  const data = trainingRows();
  const { maxBufferSize } = backend.limits;
  const weights = await parametersNow();
  const g = await gradientGraph(model, weights, rows(data.x, row, row + 1), rows(data.y, row, row + 1), {
    seed,
    maxBufferSize,
  });
  const nodes = fuse(g.graph);
  const computed = nodes.filter((node) => !node.op.view);
  // As dispatches, however small the net is: a kernel a node is what there is to show.
  const kernel = (node: Node): string => chooseKernel(node, backend.gpu.caps).kernel.name;
  const executor = await backend.compile(g.graph, { nodes, keepAll: true, onChip: false, kernel });
  try {
    const found = await executor.run(
      1,
      computed.map((node) => node.outputs[0]!),
    );
    const result: RanKernel[] = [];
    for (const [i, node] of computed.entries()) {
      result.push({
        name: node.outputs[0]!.name,
        kernel: kernel(node),
        values: [...found[i]!.data.subarray(0, VALUES)],
        size: sizeOf(node.outputs[0]!.shape),
        ms: await timeNode(backend, node, chooseKernel(node, backend.gpu.caps).plan),
      });
    }
    return result;
  } finally {
    executor.dispose();
  }
}
