import type { Backend, Executor } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, zeros } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import type { Given, Op } from "../../graph/op.ts";
import { forward } from "../../nn/forward.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { modelTensors } from "../../nn/parameters.ts";
import { shapesOf } from "../../nn/shapes.ts";
import type { AttentionAttrs } from "../../ops/attention/geometry.ts";
import { fuse } from "../../ops/fuse.ts";
import { reshape } from "../../ops/shape/reshape.ts";
import { gather } from "../../ops/step/batch.ts";
import { attentionStep } from "../../ops/text/attention-step.ts";
import { type RecurrentStepAttrs, recurrentStep } from "../../ops/text/recurrent-step.ts";
import { prefill } from "./prefill.ts";

/**
 * Tokens from which on a text that is begun goes through the net at once. A graph of their own costs what some fifty steps of
 * a small net do: a window of 16 tokens, which is begun anew every eight, was written seven times slower with it.
 */
const AT_ONCE = 64;

/** Layers that work each step out by itself, whatever their settings. */
const APART = new Set(
  "embedding linear dropout add multiply relu leakyRelu elu selu gelu geluTanh silu sigmoid tanh softplus relu6 hardSwish hardSigmoid mish prelu".split(
    " ",
  ),
);

/** Whether a net can be taken through step by step, keeping what steps before came to. */
export function isStepwise(model: ModelSpec): boolean {
  const { input } = shapesOf(model);
  const stepwise = (layer: LayerSpec & { readonly [field: string]: unknown }): boolean => {
    if (APART.has(layer.type)) return true;
    switch (layer.type as string) {
      case "layerNorm":
      case "rmsNorm":
        return typeof layer.size === "number";
      case "positionEmbedding":
        return layer.length === undefined || (layer.length as number) >= input[0]!;
      case "attention":
        return layer.causal === true && layer.mask === undefined;
      case "lstm":
      case "gru":
      case "rnn":
        return layer.bidirectional === false;
      default:
        return false;
    }
  };
  return model.layers.every((layer) => stepwise(layer as never));
}

/** A graph of one step, in which what looks at other steps looks at what they left. */
class StepGraph extends Graph {
  /** i32 [1] */
  readonly position = this.variable("position", ndarray([1], "i32", [0]));
  private readonly rows = this.variable("row of the position", ndarray([1], "u32", [0]));
  /** What is kept from step to step. */
  readonly past: Tensor[] = [];

  constructor(private readonly steps: number) {
    super();
  }

  override add<A>(
    op: Op<A>,
    inputs: readonly Tensor[],
    attrs: Given<A>,
    name: string | readonly string[] = op.name,
  ): readonly Tensor[] {
    const [x, ...more] = inputs as readonly [Tensor, ...Tensor[]];
    const called = typeof name === "string" ? name : name[0]!;
    const keep = (what: string, first: NdArray): Tensor => {
      const tensor = this.variable(`${called}: ${what}`, first);
      this.past.push(tensor);
      return tensor;
    };
    switch (op.name) {
      case "attention": {
        const past = keep("keys and values", zeros([this.steps, x.shape[2]!], "f32"));
        return super.add(attentionStep, [x, past, this.position], attrs as unknown as AttentionAttrs, called);
      }
      case "lstm":
      case "gru":
      case "rnn":
      case "rnnRelu": {
        const state = keep("state", zeros([2, more[0]!.shape[1]!], "f32"));
        const cell = { cell: op.name } as RecurrentStepAttrs;
        return super.add(recurrentStep, [x, ...more.slice(0, 3), state], cell, called);
      }
      case "rotary": {
        const [angles] = super.add(gather, [more[0]!, this.rows], null, `${called}: angles of the step`);
        return super.add(op, [x, angles!], attrs, name);
      }
      case "part": {
        // Of a table of positions, the row of this one and not the first.
        const [row] = super.add(gather, [x, this.rows], null, called);
        return super.add(reshape, [row!], { shape: [1, x.shape[1]!] }, called);
      }
      default:
        return super.add(op, inputs, attrs, name);
    }
  }

  /** What says which step comes. */
  at(executor: Executor, position: number): void {
    executor.write(this.position, ndarray([1], "i32", [position]));
    executor.write(this.rows, ndarray([1], "u32", [position]));
  }
}

/** Logits of the token behind a text, for texts that fit into the net's window, each a step or more longer than the last. */
export class StepByStep {
  /** Tokens that went through. */
  private seen: readonly number[] = [];

  private constructor(
    private readonly executor: Executor,
    private readonly graph: StepGraph,
    private readonly token: Tensor,
    private readonly outputs: Tensor,
    /** What the steps of a text leave behind, all worked out at once. */
    private readonly atOnce: (text: readonly number[]) => Promise<readonly NdArray[]>,
    private readonly least: number,
  ) {}

  /** @param least tokens from which on a text that is begun goes through at once. */
  static async create(
    backend: Backend,
    model: ModelSpec,
    weights: ReadonlyMap<string, NdArray>,
    least = AT_ONCE,
  ): Promise<StepByStep> {
    const [length] = shapesOf(model).input as readonly [number];
    const g = new StepGraph(length);
    const token = g.variable("token", ndarray([1, 1], "i32", [0]));
    const tensors = modelTensors(g, model, weights, backend.limits.maxBufferSize);
    const outputs = await forward(g, model, token, tensors, { training: false, seed: 0, cursor: null, window: length });
    g.keep(outputs);
    const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
    const atOnce = (text: readonly number[]) => prefill(backend, model, weights, text, length);
    return new StepByStep(executor, g, token, outputs, atOnce, least);
  }

  /** A text that does not go on from the last one is begun anew. */
  async logits(text: readonly number[]): Promise<ArrayLike<number>> {
    const { length } = this.seen;
    const goesOn = length > 0 && length < text.length && this.seen.every((token, i) => token === text[i]);
    if (!goesOn) this.seen = await this.begin(text.slice(0, -1));
    let found: NdArray | undefined;
    for (let at = this.seen.length; at < text.length; at++) {
      this.graph.at(this.executor, at);
      this.executor.write(this.token, ndarray([1, 1], "i32", [text[at]!]));
      [found] = await this.executor.run(1, at === text.length - 1 ? [this.outputs] : []);
    }
    this.seen = [...text];
    return found!.data;
  }

  /** Begins anew, and gives how much of a text has gone through: all of it at once, or nothing. */
  private async begin(text: readonly number[]): Promise<readonly number[]> {
    const { past } = this.graph;
    if (past.length === 0) return text;
    const left = text.length >= this.least ? await this.atOnce(text).catch(noRoom) : null;
    for (const [i, t] of past.entries()) this.executor.write(t, left?.[i] ?? zeros(t.shape, "f32"));
    return left ? text : [];
  }

  dispose(): void {
    this.executor.dispose();
  }
}

/** Where weights do not fit twice, a text goes through step by step. */
function noRoom(error: unknown): null {
  if (error instanceof ChainruleError && error.code === "limit") return null;
  throw error;
}
