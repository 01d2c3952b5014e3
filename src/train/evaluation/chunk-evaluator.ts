import { totalMemory } from "../../backend/cache.ts";
import type { Backend, MemoryUse } from "../../backend/executor.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import type { Rows } from "../data/row-source.ts";
import { type RowSource, readRange } from "../data/row-source.ts";
import { evalBatch } from "./eval-batch.ts";
import { type Evaluation, Evaluator, evaluationOf, noTally, type Tally } from "./evaluation.ts";

/** Bytes of a chunk of rows that is evaluated at once: it and the next are in memory. */
const CHUNK_BYTES = 32 * 2 ** 20;

/** Loss and accuracy over rows of which only a chunk is in memory. Sums run in the order of the rows: the same bits. */
export class ChunkEvaluator {
  private constructor(
    private readonly model: ModelSpec,
    private readonly source: RowSource,
    private readonly chunkRows: number,
    /** For a whole chunk, null where there is none; and for the rows that do not fill one. */
    private readonly chunk: Evaluator | null,
    private readonly rest: Evaluator | null,
  ) {}

  static async create(
    backend: Backend,
    model: ModelSpec,
    weights: ReadonlyMap<string, NdArray>,
    source: RowSource,
    { maxDataBytes, maxBufferSize }: { readonly maxDataBytes: number; readonly maxBufferSize: number },
  ): Promise<ChunkEvaluator> {
    const n = source.x.shape[0]!;
    const size = evalBatch(model);
    const rowBytes = 4 * Math.max(...[source.x, source.y].map(({ shape }) => sizeOf(shape.slice(1))));
    const fitting = Math.floor(Math.min(maxDataBytes, CHUNK_BYTES) / (rowBytes * size));
    const chunkRows = size * Math.max(1, fitting);
    const make = async (size: number): Promise<Evaluator | null> => {
      if (size === 0) return null;
      return Evaluator.create(backend, model, weights, await readRange(source, 0, size), maxBufferSize);
    };
    const chunk = n >= chunkRows ? await make(chunkRows) : null;
    return new ChunkEvaluator(model, source, chunkRows, chunk, await make(n % chunkRows));
  }

  async evaluate(weights: ReadonlyMap<string, NdArray>): Promise<Evaluation> {
    const n = this.source.x.shape[0]!;
    const sums: Tally = noTally();
    const read = (start: number): Promise<Rows> => {
      const rows = readRange(this.source, start, Math.min(n, start + this.chunkRows));
      rows.catch(() => undefined); // raised where it is awaited
      return rows;
    };
    let next: Promise<Rows> | null = read(0);
    for (let start = 0; start < n; start += this.chunkRows) {
      const rows: Rows = await next!;
      next = start + this.chunkRows < n ? read(start + this.chunkRows) : null;
      const evaluator = rows.x.shape[0] === this.chunkRows ? this.chunk! : this.rest!;
      evaluator.setRows(rows);
      await evaluator.add(weights, sums);
    }
    return evaluationOf(this.model, sums);
  }

  memory(): MemoryUse {
    return totalMemory([this.chunk, this.rest]);
  }

  dispose(): void {
    this.chunk?.dispose();
    this.rest?.dispose();
  }
}
