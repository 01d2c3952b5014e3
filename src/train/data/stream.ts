import { type NdArray, sizeOf, zeros } from "../../core/ndarray.ts";
import { batchIndex } from "../../ops/step/batch.ts";
import { tokenWindows } from "../../ops/text/token-windows.ts";
import { cursorAt } from "../run/training-graph.ts";
import type { Rows } from "./row-source.ts";
import { isResident, type RowSource, sourceOf } from "./row-source.ts";

/** Bytes of a chunk that is read from a file: it, the next and the last are in memory at once. */
const CHUNK_BYTES = 32 * 2 ** 20;

/**
 * A data set that does not fit on the device, or not into memory: the host lays out the rows of the next steps in the
 * order in which they are used, and the device takes them chunk by chunk. The rows are those that the device would have
 * drawn itself. A chunk that is read from a file is read while the device works on the one before.
 */
export class RowStream {
  /** Steps that one chunk serves. */
  readonly steps: number;
  private ahead: { readonly step: number; readonly rows: Promise<Rows> } | null = null;

  constructor(
    private readonly source: RowSource,
    private readonly batch: number,
    private readonly seed: number,
    maxBytes: number,
    /** Whether the next chunk is read before it is asked for. */
    private readonly readsAhead: boolean,
    /** What rows are windows of, where they are a text's. */
    private readonly text?: NdArray,
  ) {
    const rowBytes = 4 * Math.max(rowSize(source.x.shape), rowSize(source.y.shape));
    // No more than an epoch: a larger chunk would hold rows twice.
    const epoch = Math.ceil(source.x.shape[0]! / batch);
    this.steps = Math.max(1, Math.min(epoch, Math.floor(maxBytes / (rowBytes * batch))));
  }

  /** Room for a chunk, as zeros. */
  empty(): Rows {
    const n = this.steps * this.batch;
    const room = ({ shape, dtype }: RowSource["x"]): NdArray => zeros([n, ...shape.slice(1)], dtype);
    const { x, y, lengths } = this.source;
    return { x: room(x), y: room(y), ...(lengths && { lengths: room(lengths) }) };
  }

  /** The chunk whose first step is `step`, a multiple of `steps`. */
  async chunk(step: number): Promise<Rows> {
    const rows = this.ahead?.step === step ? this.ahead.rows : this.read(step);
    this.ahead = null;
    const chunk = await rows;
    if (this.readsAhead) {
      const next = step + this.steps;
      this.ahead = { step: next, rows: this.read(next) };
      // An error is raised when the chunk is asked for.
      this.ahead.rows.catch(() => undefined);
    }
    return chunk;
  }

  private read(step: number): Promise<Rows> {
    const n = this.source.x.shape[0]!;
    const all = new Uint32Array(this.steps * this.batch);
    const windows = this.text && this.empty();
    for (let s = 0; s < this.steps; s++) {
      const cursor = cursorAt(step + s, this.batch, n);
      const attrs = { order: "shuffle", batch: this.batch, n, seed: this.seed } as const;
      const [index] = batchIndex.reference([cursor], attrs);
      all.set(index!.data, s * this.batch);
      if (!windows) continue;
      const [length] = this.source.x.shape.slice(1) as [number];
      const drawn = tokenWindows.reference([this.text!, index!, cursor], { length, windows: n, seed: this.seed });
      for (const [k, array] of [windows.x, windows.y].entries())
        array.data.set(drawn[k]!.data, s * this.batch * length);
    }
    if (windows) return Promise.resolve(windows);
    return this.source.read(all);
  }
}

/** A stream for data that is not to be kept whole on a device that binds at most so many bytes. */
export function streamOf(data: Rows | RowSource, batch: number, seed: number, maxBytes: number): RowStream {
  if (!isResident(data)) return new RowStream(data, batch, seed, Math.min(maxBytes, CHUNK_BYTES), true);
  // Rows in memory are copied in no time: nothing is gained by doing it ahead.
  return new RowStream(sourceOf(data), batch, seed, maxBytes, false, data.text);
}

const rowSize = (shape: readonly number[]): number => sizeOf(shape.slice(1));
