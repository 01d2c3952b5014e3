import type { Backend } from "../../backend/executor.ts";
import { type NdArray, ndarray, zeros } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import type { Given, Op } from "../../graph/op.ts";
import { forward } from "../../nn/forward.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { modelTensors } from "../../nn/parameters.ts";
import { fuse } from "../../ops/fuse.ts";
import { cells } from "../../ops/recurrent/cells.ts";

/** What a step behind a text needs of one op: its values, and what the array is in which steps keep theirs. */
interface Left {
  readonly values: readonly Tensor[];
  kept(values: readonly NdArray[], steps: number): NdArray;
}

/** A graph of a text's steps at once, which remembers what each op leaves to the steps behind it. */
class TextGraph extends Graph {
  /** In the order in which a StepGraph keeps the same. */
  readonly left: Left[] = [];

  override add<A>(
    op: Op<A>,
    inputs: readonly Tensor[],
    attrs: Given<A>,
    name: string | readonly string[] = op.name,
  ): readonly Tensor[] {
    const outputs = super.add(op, inputs, attrs, name);
    if (op.name === "attention") this.left.push({ values: [inputs[0]!], kept: ([qkv], steps) => rowsOf(qkv!, steps) });
    const cell = Object.values(cells).find((own) => own.name === op.name);
    if (cell) this.left.push({ values: outputs, kept: ([y, saved]) => lastOf(y!, saved, cell.cell) });
    return outputs;
  }
}

/** [steps, width] of x [1, t, width], zeros behind. */
function rowsOf(x: NdArray, steps: number): NdArray {
  const out = zeros([steps, x.shape[2]!], x.dtype);
  out.data.set(x.data);
  return out;
}

/** Output and cell [2, h] of the last step of y [1, t, h] and saved [1, t, saved, h]; a cell of 0 where there is none. */
function lastOf(y: NdArray, saved: NdArray | undefined, cell: number): NdArray {
  const h = y.shape[2]!;
  const out = zeros([2, h], y.dtype);
  out.data.set(y.data.slice(-h));
  if (!saved || cell < 0) return out;
  const from = saved.data.length - (saved.shape[2]! - cell) * h;
  out.data.set(saved.data.slice(from, from + h), h);
  return out;
}

/**
 * What every step of a text leaves to those behind it, worked out for all of them at once: keys and values [steps, width] of
 * each attention, and the state [2, h] of each recurrence, in the order of the net. What only the text's own outputs need,
 * the head above all, is left out.
 */
export async function prefill(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  text: readonly number[],
  steps: number,
): Promise<readonly NdArray[]> {
  const g = new TextGraph();
  const x = g.variable("text", ndarray([1, text.length], "i32", text));
  const tensors = modelTensors(g, model, weights, backend.limits.maxBufferSize);
  await forward(g, model, x, tensors, { training: false, seed: 0, cursor: null });
  const read = g.left.flatMap(({ values }) => values);
  if (read.length === 0) return [];
  g.keep(...read);
  g.prune();
  const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
  try {
    const values = await executor.run(1, read);
    let at = 0;
    return g.left.map(({ values: own, kept }) => {
      at += own.length;
      return kept(values.slice(at - own.length, at), steps);
    });
  } finally {
    executor.dispose();
  }
}
