import type { Backend } from "../../backend/executor.ts";
import type { WebGpuBackend } from "../../backend/webgpu/backend.ts";
import { chooseKernel } from "../../backend/webgpu/choose.ts";
import { type NdArray, unravel } from "../../core/ndarray.ts";
import type { Node } from "../../graph/graph.ts";
import { isResident } from "../data/row-source.ts";
import { RowStream } from "../data/stream.ts";
import type { ResolvedOptions } from "../run/options.ts";
import { stateWrites, type TrainerState } from "../run/state.ts";
import { cursorAt, trainingGraph } from "../run/training-graph.ts";

/** Where a step first left the finite numbers. */
interface FirstNotFinite {
  /** "d 2.weight" */
  readonly tensor: string;
  /** The op that computes it, and on a GPU the kernel. */
  readonly by: string;
  readonly value: number;
  readonly index: readonly number[];
}

/**
 * Takes a step that was not finite once more, node by node with every value kept, and names the first that is not
 * finite. `state` is the run's at that step, or soon after it, since a step that is not finite changes no weight. Null
 * where nothing is found: then the steps that were queued behind it have changed the weights.
 */
async function findCulprit(
  backend: Backend,
  options: ResolvedOptions,
  state: TrainerState,
  step: number,
): Promise<FirstNotFinite | null> {
  const { data } = options;
  const rows = data.x.shape[0]!;
  const batch = options.batch === "full" ? rows : options.accumulate * options.batch;
  // Of a data set that is not in memory this step's rows will do.
  const { x, y, text, lengths } = isResident(data)
    ? data
    : await new RowStream(data, batch, options.seed, 1, false).chunk(step - 1);
  const steps = options.halves && (await import("../f16/half-steps.ts"));
  const plan = await trainingGraph({
    ...options,
    steps,
    x,
    y,
    ...(text && { text }),
    ...(lengths && { lengths }),
    rows,
    streams: !isResident(data),
  });
  const { graph } = plan;
  // Views show memory that belongs to others.
  const nodes = graph.nodes.filter((node) => !node.op.view);
  const executor = await backend.compile(graph, { keepAll: true, onChip: false, selfTest: false });
  try {
    const before = { ...state, cursor: cursorAt(step - 1, batch, rows) };
    for (const [tensor, value] of stateWrites(plan, before)) executor.write(tensor, value);
    const outputs = nodes.flatMap((node) => node.outputs.map((tensor) => ({ node, tensor })));
    const values = await executor.run(
      1,
      outputs.map(({ tensor }) => tensor),
    );
    for (const [i, { node, tensor }] of outputs.entries()) {
      const at = firstNotFinite(values[i]!);
      if (at < 0) continue;
      const { shape, data: found } = values[i]!;
      return { tensor: tensor.name, by: nameOf(backend, node), value: found[at]!, index: unravel(at, shape) };
    }
    return null;
  } finally {
    executor.dispose();
  }
}

function firstNotFinite({ dtype, data }: NdArray): number {
  return dtype === "f32" || dtype === "f64" || dtype === "f16"
    ? data.findIndex((v: number) => !Number.isFinite(v))
    : -1;
}

function nameOf(backend: Backend, node: Node): string {
  const name =
    backend.kind === "webgpu" ? chooseKernel(node, (backend as WebGpuBackend).gpu.caps).kernel.name : node.op.name;
  return node.op.name === "classWeightSums" ? `${name}: no target of the batch counts, all are ignored` : name;
}

/** ": 0.linear [3, 7] became Infinity first, computed by matmul/direct", for a message; "" where nothing is found. */
export async function whereItBegan(...given: Parameters<typeof findCulprit>): Promise<string> {
  const found = await findCulprit(...given);
  return found
    ? `: ${found.tensor} [${found.index.join(", ")}] became ${found.value} first, computed by ${found.by}`
    : "";
}
