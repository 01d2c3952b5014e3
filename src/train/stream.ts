import { type NdArray, sizeOf, type TypedArray, zeros } from "../core/ndarray.ts";
import { batchIndex } from "../ops/batch.ts";
import { cursorAt } from "./training-graph.ts";

/**
 * A data set that does not fit on the device: the host lays out the rows of the next steps in the order in which they
 * are used, and the device takes them chunk by chunk. The rows are those that the device would have drawn itself.
 */
export class RowStream {
  /** Steps that one chunk serves. */
  readonly steps: number;

  constructor(
    private readonly x: NdArray,
    private readonly y: NdArray,
    private readonly batch: number,
    private readonly seed: number,
    maxBytes: number,
  ) {
    const rowBytes = 4 * Math.max(rowSize(x), rowSize(y));
    this.steps = Math.max(1, Math.floor(maxBytes / (rowBytes * batch)));
  }

  /** Room for a chunk, as zeros. */
  empty(): { x: NdArray; y: NdArray } {
    const n = this.steps * this.batch;
    return {
      x: zeros([n, ...this.x.shape.slice(1)], this.x.dtype),
      y: zeros([n, ...this.y.shape.slice(1)], this.y.dtype),
    };
  }

  /** The chunk whose first step is `step`, a multiple of `steps`. */
  chunk(step: number): { x: NdArray; y: NdArray } {
    const chunk = this.empty();
    const n = this.x.shape[0]!;
    for (let s = 0; s < this.steps; s++) {
      const cursor = cursorAt(step + s, this.batch, n);
      const [index] = batchIndex.reference([cursor], { order: "shuffle", batch: this.batch, n, seed: this.seed });
      index!.data.forEach((row, i) => {
        copyRow(this.x, row, chunk.x, s * this.batch + i);
        copyRow(this.y, row, chunk.y, s * this.batch + i);
      });
    }
    return chunk;
  }
}

const rowSize = (a: NdArray): number => sizeOf(a.shape.slice(1));

function copyRow(from: NdArray, row: number, to: NdArray, at: number): void {
  const width = rowSize(from);
  to.data.set(from.data.subarray(row * width, (row + 1) * width) as TypedArray, at * width);
}
