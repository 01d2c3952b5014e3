import { ExecutorCache, type Kept } from "../../backend/cache.ts";
import type { Backend, Executor, MemoryUse } from "../../backend/executor.ts";
import { type Abortable, orAborted, throwIfAborted } from "../../core/abort.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, requireNdArray, sameShape, shapeText, zeros } from "../../core/ndarray.ts";
import { Disposing } from "../../core/resource.ts";
import type { Tensor } from "../../graph/graph.ts";
import { unpackParameters, weightWrites } from "../../nn/parameters.ts";
import { widths } from "../../nn/shapes.ts";
import { fuse } from "../../ops/fuse.ts";
import { matchLengths } from "../data/lengths.ts";
import { matchInputs, matchRows, refuseNotFinite } from "../data/match-rows.ts";
import { evalBatch } from "../evaluation/eval-batch.ts";
import { inChunks, outputsOf } from "../evaluation/predict-rows.ts";
import { type GradientGraph, gradientGraph, outputGradientGraph } from "../run/gradient-graph.ts";
import type { ResolvedOptions } from "../run/options.ts";

/** What a backward pass over one batch gives. */
export interface Gradients {
  /** The net's outputs [n, outputs], with dropout as in training. */
  readonly outputs: NdArray;
  /** d loss / d parameter by the parameter's name, shaped as it: weights are [in, out]. */
  readonly parameters: ReadonlyMap<string, NdArray>;
  /** d loss / d x [n, inputs]; zeros where x is tokens, on which nothing depends smoothly. */
  readonly x: NdArray;
  /** Every value between the inputs and the loss by its name ("1.tanh"), if asked for; else empty. */
  readonly intermediates: ReadonlyMap<string, Intermediate>;
}

/** Gradients of the model's own loss. */
export interface LossGradients extends Gradients {
  /** Loss of the batch: the mean of its rows or their sum, as the loss is. */
  readonly loss: number;
}

/** A value inside the net, and the gradient of the loss with respect to it. */
export interface Intermediate {
  /** [n, width] for most. */
  readonly value: NdArray;
  /** The same shape; null where the loss does not depend on parameters through it. */
  readonly gradient: NdArray | null;
}

/** Of rows that are sequences of several lengths. */
export interface LengthsOptions {
  /** i32 [n]: steps of each row that count; all where absent. */
  readonly lengths?: NdArray;
}

export interface GradientOptions extends Abortable, LengthsOptions {
  /** Also gives every value inside the net and its gradient, at the cost of memory and of fused kernels. */
  readonly intermediates?: boolean;
}

type Weights = ReadonlyMap<string, NdArray>;
type PassGraph = Omit<GradientGraph, "loss" | "control"> & { readonly loss: Tensor | null };

interface Pass extends Kept {
  readonly graph: PassGraph;
  readonly executor: Executor;
}

/** Single passes through a trainer's net, forward and backward, on rows that its caller gives. Compiled once a size. */
export class Passes extends Disposing {
  private readonly cache = new ExecutorCache("the trainer");

  /** `weights` are the trainer's, now. */
  constructor(
    private readonly backend: Backend,
    private readonly options: ResolvedOptions,
    private readonly weights: (which?: "last" | "average") => Promise<Weights>,
  ) {
    super();
  }

  async forward(x: NdArray, { signal, lengths }: Abortable & LengthsOptions = {}): Promise<NdArray> {
    throwIfAborted(signal);
    const inputs = matchInputs(this.options.model, x, "forward");
    return orAborted(
      this.weights().then((weights) => this.outputs(weights, inputs, this.lengths(lengths, inputs, "forward"))),
      signal,
    );
  }

  async predict(
    x: NdArray,
    { signal, weights: which, lengths }: Abortable & LengthsOptions & { weights?: "last" | "average" } = {},
  ): Promise<NdArray> {
    throwIfAborted(signal);
    const { model } = this.options;
    const inputs = matchInputs(model, x, "predict");
    const weights = await orAborted(this.weights(which), signal);
    return inChunks(model, inputs, this.lengths(lengths, inputs, "predict"), evalBatch(model), (chunk, steps) => {
      throwIfAborted(signal);
      return orAborted(this.outputs(weights, chunk, steps), signal);
    });
  }

  /** `step` decides which masks dropout draws. */
  async gradients(x: NdArray, y: NdArray, step: number, options: GradientOptions = {}): Promise<LossGradients> {
    const { model, seed, maxBufferSize, penalty } = this.options;
    throwIfAborted(options.signal);
    const { lengths: given } = options;
    const { lengths, ...batch } = matchRows(model, { x, y, ...(given && { lengths: given }) }, "gradients");
    const make = (weights: Weights): Promise<PassGraph> =>
      gradientGraph(model, weights, batch.x, batch.y, {
        seed,
        maxBufferSize,
        penalty,
        ofInputs: true,
        ...(lengths && { lengths }),
      });
    const pass = this.run("gradients", make, { ...batch, lengths }, step, options.intermediates ?? false);
    const { loss, ...rest } = await orAborted(pass, options.signal);
    return { loss: loss!, ...rest };
  }

  async backward(x: NdArray, dy: NdArray, step: number, options: GradientOptions = {}): Promise<Gradients> {
    const { model, seed, maxBufferSize } = this.options;
    throwIfAborted(options.signal);
    const inputs = matchInputs(model, x, "backward");
    requireNdArray(dy, "backward: dy");
    const wanted = [inputs.shape[0]!, widths(model).outputs];
    if (!sameShape(dy.shape, wanted)) {
      const text = `dy is ${shapeText(dy.shape)}, the outputs for these rows are ${shapeText(wanted)}`;
      throw new ChainruleError("shape", `backward: ${text}`);
    }
    refuseNotFinite(dy, "backward: dy");
    const lengths = this.lengths(options.lengths, inputs, "backward");
    const make = (weights: Weights): Promise<PassGraph> =>
      outputGradientGraph(model, weights, inputs, dy, {
        seed,
        maxBufferSize,
        ofInputs: true,
        ...(lengths && { lengths }),
      });
    const pass = this.run("backward", make, { x: inputs, y: dy, lengths }, step, options.intermediates ?? false);
    const { loss: _none, ...rest } = await orAborted(pass, options.signal);
    return rest;
  }

  memory(): MemoryUse {
    return this.cache.memory();
  }

  dispose(): void {
    this.cache.dispose();
  }

  private outputs(weights: Weights, x: NdArray, lengths: NdArray | undefined): Promise<NdArray> {
    return outputsOf(this.cache, this.backend, this.options.model, weights, x, lengths);
  }

  private lengths(given: NdArray | undefined, x: NdArray, what: string): NdArray | undefined {
    return given && matchLengths(this.options.model, given, x.shape[0]!, what);
  }

  private async run(
    kind: string,
    make: (weights: Weights) => Promise<PassGraph>,
    { x, y, lengths }: { readonly x: NdArray; readonly y: NdArray; readonly lengths: NdArray | undefined },
    step: number,
    intermediates: boolean,
  ): Promise<Gradients & { readonly loss: number | null }> {
    const weights = await this.weights();
    const key = `${kind} ${x.shape[0]}${lengths ? " with lengths" : ""}${intermediates ? " with intermediates" : ""}`;
    return this.cache.with(
      key,
      async () => this.compile(await make(weights), intermediates),
      async ({ graph, executor }) => {
        for (const [t, value] of weightWrites(graph, weights)) executor.write(t, value);
        executor.write(graph.x, x);
        executor.write(graph.y, y);
        if (lengths) executor.write(graph.lengths!, lengths);
        executor.write(graph.cursor, ndarray([4], "u32", [step, 0, 0, 0]));
        const inside = intermediates ? insides(graph) : [];
        const flats = graph.flatGradients;
        const pairs = inside.flatMap(([t, dt]) => (dt ? [t, dt] : [t]));
        const dx = graph.gradients.get(graph.x);
        const wanted = [graph.outputs, ...(graph.loss ? [graph.loss] : []), ...(dx ? [dx] : [])];
        const read = await executor.run(1, [...wanted, ...flats, ...pairs]);
        const values = read.slice(wanted.length + flats.length);
        return {
          outputs: read[0]!,
          x: dx ? read[wanted.length - 1]! : zeros(x.shape, "f32"),
          loss: graph.loss ? read[1]!.data[0]! : null,
          parameters: unpackParameters(graph.groups, read.slice(wanted.length)),
          intermediates: new Map(
            inside.map(([t, dt]) => [t.name, { value: values.shift()!, gradient: dt ? values.shift()! : null }]),
          ),
        };
      },
    );
  }

  private async compile(graph: PassGraph, intermediates: boolean): Promise<Pass> {
    // Fused kernels leave values out.
    const values = intermediates ? { keepAll: true } : { nodes: fuse(graph.graph) };
    // A kernel for the chip would be compiled for each number of rows anew.
    const executor = await this.backend.compile(graph.graph, { ...values, onChip: false });
    return { graph, executor, memory: () => executor.memory(), dispose: () => executor.dispose() };
  }
}

/** Every float that the forward pass computes on its way from x to its end, with its gradient. */
function insides(graph: PassGraph): readonly (readonly [Tensor, Tensor | null])[] {
  const { nodes } = graph.graph;
  const last = nodes.indexOf((graph.loss ?? graph.outputs).node!);
  return nodes
    .slice(0, last)
    .filter((node) => !node.op.view)
    .flatMap((node) => node.outputs)
    .filter((t) => t.dtype === "f32")
    .map((t) => [t, graph.gradients.get(t) ?? null]);
}
