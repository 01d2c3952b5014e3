import { totalMemory } from "../../backend/cache.ts";
import type { Backend, Executor, MemoryUse } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, rows, zeros } from "../../core/ndarray.ts";
import { Graph, type Tensor } from "../../graph/graph.ts";
import { classRows, forward, lossOf } from "../../nn/forward.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { type ModelTensors, modelTensors, weightWrites } from "../../nn/parameters.ts";
import { fuse } from "../../ops/fuse.ts";
import { countCorrect } from "../../ops/loss/accuracy.ts";
import { batchIndex, gather } from "../../ops/step/batch.ts";
import { startCursor } from "../../ops/step/record.ts";
import { tally } from "../../ops/step/tally.ts";
import type { Rows } from "../data/row-source.ts";
import { evalBatch } from "./eval-batch.ts";

/** How well a net does on a data set. */
export interface Evaluation {
  /** Loss over all rows: the mean or the sum, as the loss itself is. */
  readonly loss: number;
  /**
   * Share of rows, or of their places, whose largest output is the label's, of those whose target counts; null where
   * targets are not classes.
   */
  readonly accuracy: number | null;
}

/** What batches add up to, in their order. */
export interface Tally {
  loss: number;
  correct: number;
  /** Rows or places whose target counts. */
  counted: number;
  /** What means are divided by: the rows, or the sum of their classes' weights. */
  shares: number;
}

/** A batch among others. */
interface Share {
  /** Targets that count: rows, or places of them. */
  readonly counted: number;
  /** As many, or the sum of their classes' weights. */
  readonly share: number;
}

export const noTally = (): Tally => ({ loss: 0, correct: 0, counted: 0, shares: 0 });

interface Part {
  readonly executor: Executor;
  readonly dataX: Tensor;
  readonly dataY: Tensor;
  readonly dataLengths: Tensor | null;
  readonly tensors: ModelTensors;
  readonly cursor: Tensor;
  readonly ring: Tensor;
  readonly batches: number;
  readonly batch: number;
  /** What each batch's mean counts for, and how many targets do. */
  shares: readonly Share[];
}

/**
 * Loss and accuracy over a whole data set, without dropout. The rows that do not fill a batch have a graph of their
 * own size: kernels are compiled by code, not by size, so that costs nothing and needs no masks.
 */
export class Evaluator {
  private constructor(
    private readonly model: ModelSpec,
    private readonly parts: readonly Part[],
  ) {}

  static async create(
    backend: Backend,
    model: ModelSpec,
    weights: ReadonlyMap<string, NdArray>,
    data: Rows,
    maxBufferSize: number,
  ): Promise<Evaluator> {
    const n = data.x.shape[0]!;
    const size = evalBatch(model);
    const whole = Math.floor(n / size) * size;
    const parts: Part[] = [];
    for (const [start, end, batch] of [
      [0, whole, size],
      [whole, n, n - whole],
    ] as const) {
      if (end === start) continue;
      parts.push(await part(backend, model, weights, between(data, start, end), batch, maxBufferSize));
    }
    return new Evaluator(model, parts);
  }

  async evaluate(weights: ReadonlyMap<string, NdArray>): Promise<Evaluation> {
    const sums: Tally = noTally();
    await this.add(weights, sums);
    return evaluationOf(this.model, sums);
  }

  /** Adds the rows' losses and right answers to what others came to before. */
  async add(weights: ReadonlyMap<string, NdArray>, sums: Tally): Promise<void> {
    const mean = lossKinds[this.model.loss].reduction === "mean";
    for (const p of this.parts) {
      p.executor.write(p.cursor, startCursor());
      for (const [t, value] of weightWrites(p.tensors, weights)) p.executor.write(t, value);
      const [ring] = await p.executor.run(p.batches, [p.ring]);
      if (!ring) throw new ChainruleError("device", "the evaluation gave no result");
      for (let b = 0; b < p.batches; b++) {
        const { counted, share } = p.shares[b]!;
        // The mean over no target is no number.
        if (counted === 0) continue;
        sums.loss += ring.data[b * 2]! * (mean ? share : 1);
        sums.correct += ring.data[b * 2 + 1]!;
        sums.counted += counted;
        sums.shares += share;
      }
    }
  }

  /** Puts other rows, as many and of the same shapes, in the place of those there are. */
  setRows(data: Rows): void {
    let at = 0;
    for (const p of this.parts) {
      const end = at + p.batches * p.batch;
      const { x, y, lengths } = between(data, at, end);
      p.executor.write(p.dataX, x);
      p.executor.write(p.dataY, y);
      if (lengths) p.executor.write(p.dataLengths!, lengths);
      p.shares = sharesOf(this.model, y, p.batch);
      at = end;
    }
  }

  memory(): MemoryUse {
    return totalMemory(this.parts.map((p) => p.executor));
  }

  dispose(): void {
    for (const p of this.parts) p.executor.dispose();
  }
}

export function evaluationOf(model: ModelSpec, { loss, correct, counted, shares }: Tally): Evaluation {
  const { reduction, targets } = lossKinds[model.loss];
  return {
    loss: reduction === "mean" ? loss / shares : loss,
    accuracy: targets === "classes" ? correct / counted : null,
  };
}

const between = ({ x, y, lengths }: Rows, start: number, end: number): Rows => ({
  x: rows(x, start, end),
  y: rows(y, start, end),
  ...(lengths && { lengths: rows(lengths, start, end) }),
});

async function part(
  backend: Backend,
  model: ModelSpec,
  weights: ReadonlyMap<string, NdArray>,
  { x, y, lengths: given }: Rows,
  batch: number,
  maxBufferSize: number,
): Promise<Part> {
  const g = new Graph();
  const n = x.shape[0]!;
  const batches = n / batch;
  const dataX = g.variable("evaluation x", x);
  const dataY = g.variable("evaluation y", y);
  const dataLengths = given ? g.variable("evaluation lengths", given) : null;
  const cursor = g.variable("evaluation cursor", startCursor());
  const ring = g.variable("evaluation results", zeros([batches, 2], "f32"));
  const tensors = modelTensors(g, model, weights, maxBufferSize);
  const index = g.one(batchIndex, [cursor], { order: "sequential", batch, n, seed: 0 }, "evaluation rows");
  const batchX = g.one(gather, [dataX, index], null, "evaluation batch x");
  const batchY = g.one(gather, [dataY, index], null, "evaluation batch y");
  const lengths = dataLengths && g.one(gather, [dataLengths, index], null, "evaluation batch lengths");
  const outputs = await forward(g, model, batchX, tensors, { training: false, seed: 0, cursor: null, lengths });
  const loss = await lossOf(g, model, outputs, batchY);
  const correct = batchY.dtype === "i32" ? await correctOf(g, model, outputs, batchY) : loss;
  g.add(tally, [cursor, ring, loss, correct], { slots: batches, batch, n }, "tally");
  // Kernels for the chip are compiled for one size, and these graphs run a few times only.
  const executor = await backend.compile(g, { nodes: fuse(g), onChip: false });
  const shares = sharesOf(model, y, batch);
  return { executor, dataX, dataY, dataLengths, tensors, cursor, ring, batches, batch, shares };
}

async function correctOf(g: Graph, model: ModelSpec, outputs: Tensor, y: Tensor): Promise<Tensor> {
  const { logits, labels } = await classRows(g, model, outputs, y);
  return g.one(countCorrect, [logits, labels], null, "correct");
}

function sharesOf({ classWeights, loss }: ModelSpec, y: NdArray, batch: number): readonly Share[] {
  return Array.from({ length: y.shape[0]! / batch }, (_, b) => {
    if (lossKinds[loss].targets !== "classes") return { counted: batch, share: batch };
    let [counted, share] = [0, 0];
    for (const label of rows(y, b * batch, (b + 1) * batch).data) {
      if (label < 0) continue;
      counted++;
      share += classWeights ? classWeights[label]! : 1;
    }
    return { counted, share };
  });
}
