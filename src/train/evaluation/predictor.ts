import type { Backend, Executor, MemoryUse } from "../../backend/executor.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { Disposing } from "../../core/resource.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { forward } from "../../nn/forward.ts";
import { loadLayerTypes } from "../../nn/layers/registry.ts";
import { withLength } from "../../nn/model-length.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { type ModelTensors, modelTensors, weightWrites } from "../../nn/parameters.ts";
import { fuse } from "../../ops/fuse.ts";

/** A net's outputs for rows of one number, without dropout: compiled once, asked again as the weights change. */
export class Predictor extends Disposing {
  private constructor(
    private readonly executor: Executor,
    private readonly tensors: ModelTensors,
    private readonly x: Tensor,
    private readonly lengths: Tensor | null,
    private readonly outputs: Tensor,
  ) {
    super();
  }

  /** For rows like x [n, inputs], tokens as i32; with `given`, steps of each that count, i32 [n], where not all do. */
  static async create(
    backend: Backend,
    net: ModelSpec,
    weights: ReadonlyMap<string, NdArray>,
    rows: NdArray,
    given?: NdArray,
  ): Promise<Predictor> {
    await loadLayerTypes(net);
    const model = withLength(net, rows);
    const g = new Graph();
    const x = g.variable("x", rows);
    const tensors = modelTensors(g, model, weights, backend.limits.maxBufferSize);
    const lengths = given ? g.variable("lengths", given) : null;
    const outputs = await forward(g, model, x, tensors, { training: false, seed: 0, cursor: null, lengths });
    g.keep(outputs);
    // A kernel for the chip would be compiled for each number of rows anew.
    const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
    return new Predictor(executor, tensors, x, lengths, outputs);
  }

  /** Outputs [n, outputs] with these weights (W [in, out] by name; null: those given last), for the rows given last. */
  async run(weights: ReadonlyMap<string, NdArray> | null, rows?: NdArray, lengths?: NdArray): Promise<NdArray> {
    for (const [t, value] of weights ? weightWrites(this.tensors, weights) : []) this.executor.write(t, value);
    if (rows) this.executor.write(this.x, rows);
    if (lengths) this.executor.write(this.lengths!, lengths);
    const [outputs] = await this.executor.run(1, [this.outputs]);
    return outputs!;
  }

  /** Memory held on the device, now. */
  memory(): MemoryUse {
    return this.executor.memory();
  }

  /** Gives back what it holds on the device. */
  dispose(): void {
    this.executor.dispose();
  }
}
