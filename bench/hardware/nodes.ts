import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { imageSteps } from "../../src/bench/image-nets.ts";
import { sequenceSteps } from "../../src/bench/sequence-nets.ts";
import { measure } from "../../src/bench/stats.ts";
import { type StepSize, sample, stepSizes } from "../../src/bench/step.ts";
import { type NdArray, ndarray, sizeOf } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { callText, Graph, type Node, type TensorSpec } from "../../src/graph/graph.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { fuse } from "../../src/ops/fuse.ts";
import { gradientGraph } from "../../src/train/run/gradient-graph.ts";

/** What one kind of node of a training step takes by itself. */
export interface NodeRow {
  readonly net: string;
  /** Op, shapes of its inputs. */
  readonly call: string;
  /** The kernel that is taken without measuring. */
  readonly kernel: string;
  /** How often the step has it. */
  readonly count: number;
  /** Median of one run. */
  readonly ms: number;
}

/** Yields the kinds of nodes of forward and backward of each net, timed one by one on random values. */
export async function* timeNodes(backend: WebGpuBackend, match: string): AsyncGenerator<NodeRow> {
  const dense = stepSizes(1024).filter(({ name }) => name === "784-512-256-10" || name === "1024x3");
  for (const size of [...sequenceSteps, ...imageSteps, ...dense]) {
    if (size.name.includes(match)) yield* nodesOf(backend, size);
  }
}

async function* nodesOf(backend: WebGpuBackend, { name: net, model, batch }: StepSize): AsyncGenerator<NodeRow> {
  const { x, y } = sample(model, batch);
  const { maxBufferSize } = backend.limits;
  const { graph } = await gradientGraph(model, initialise(model, 1), x, y, { seed: 1, maxBufferSize });
  const kinds = new Map<string, Node[]>();
  for (const node of fuse(graph)) {
    if ((node.op as AnyOp).view) continue;
    const key = `${callText(node.op, node.inputs)} ${JSON.stringify(node.attrs)}`;
    kinds.set(key, [...(kinds.get(key) ?? []), node]);
  }
  for (const [first, ...others] of kinds.values()) {
    const node = first!;
    const g = new Graph();
    const inputs = node.inputs.map((spec, i) => g.variable(`input ${i}`, values(spec, i)));
    g.keep(...g.add(node.op, inputs, node.attrs));
    const executor = await backend.compile(g);
    try {
      await executor.run(1);
      const { median } = await measure(async (n) => void (await executor.run(n)), { samples: 3, sampleMs: 10 });
      const kernel = chooseKernel(node, backend.gpu.caps).kernel.name;
      yield { net, call: callText(node.op, node.inputs), kernel, count: 1 + others.length, ms: median };
    } finally {
      executor.dispose();
    }
  }
}

/** Random numbers; tokens, labels and cursors are zeros. */
function values({ shape, dtype }: TensorSpec, index: number): NdArray {
  const n = sizeOf(shape);
  if (dtype === "f32") return ndarray(shape, dtype, normals(1, STREAM.check, 20 + index, n));
  return ndarray(shape, dtype, dtype === "i32" ? new Int32Array(n) : new Uint32Array(n));
}
