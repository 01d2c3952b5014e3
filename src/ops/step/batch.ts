import { permutation, philox } from "../../../shaders/random.ts";
import {
  type BatchOrder,
  batchIndexParams,
  drawBatchParams,
  drawBatch as drawCode,
  gather as gatherCode,
  gatherParams,
  batchIndex as indexCode,
  rowOfBatch,
} from "../../../shaders/step/batch.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf, type TypedArray, zeros } from "../../core/ndarray.ts";
import { epochKeys, halfBits, permuteWith } from "../../core/permute.ts";
import { STREAM } from "../../core/philox.ts";
import { index } from "../../graph/chip.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Kernel, Op } from "../../graph/op.ts";
import { COST, constants, elementwise } from "../shared/chip.ts";
import { composed } from "../shared/composed.ts";
import { flatLaunch, grid, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { call, flatCall } from "../shared/wasm-plan.ts";

export interface BatchIndexAttrs {
  readonly order: BatchOrder;
  readonly batch: number;
  /** Rows of the data set, or of a chunk. */
  readonly n: number;
  readonly seed: number;
}

const shuffleParams = (n: number, seed: number) => ({
  n,
  seed: seed >>> 0,
  stream: STREAM.shuffle,
  half: halfBits(n),
});

/** Orders by number, as wasm/data.ts counts them. */
const ORDERS: readonly BatchOrder[] = ["shuffle", "sequential", "chunk"];

/** More rows than this would overflow the cursor's u32 arithmetic. */
const MAX_ROWS = 2 ** 30;

/** index u32 [batch]: the rows of this step's batch, from cursor u32 [4] = (step, epoch, position, skipped). */
export const batchIndex: Op<BatchIndexAttrs> = {
  name: "batchIndex",
  infer([cursor], { batch, n, order }) {
    if (cursor!.dtype !== "u32" || sizeOf(cursor!.shape) !== 4) wrongShapes(batchIndex, [cursor!], "a cursor, u32 [4]");
    if (n < 1 || n > MAX_ROWS) throw new ChainruleError("data", `a data set must have 1 to ${MAX_ROWS} rows, got ${n}`);
    if (order === "chunk" && n % batch !== 0) throw new ChainruleError("data", "a chunk must hold whole batches");
    return [{ shape: [batch], dtype: "u32" }];
  },
  reference([cursor], { order, batch, n, seed }) {
    const rows = zeros([batch], "u32");
    const [step, epoch, position] = cursor!.data as unknown as readonly [number, number, number];
    const half = halfBits(n);
    let keysOf = -1;
    let keys: Uint32Array = new Uint32Array(0);
    for (let i = 0; i < batch; i++) {
      if (order === "chunk") {
        rows.data[i] = (step % (n / batch)) * batch + i;
        continue;
      }
      const at = position + i;
      const e = epoch + Math.floor(at / n);
      if (e !== keysOf) {
        keys = epochKeys(seed, e);
        keysOf = e;
      }
      rows.data[i] = order === "shuffle" ? permuteWith(keys, at % n, n, half) : at % n;
    }
    return [rows];
  },
  wasm(_inputs, _outputs, { order, batch, n, seed }) {
    const numbers = [ORDERS.indexOf(order), batch, n, seed >>> 0, STREAM.shuffle, halfBits(n)];
    const plan = call("batchIndex", [input(0), output(0), scratch(0, "read_write"), ...numbers]);
    return { ...plan, scratch: [{ shape: [8], dtype: "u32" }] };
  },
  gradient: "none",
  onChip(w, [cursor], [rows], { order, batch, n, seed }) {
    for (const text of [philox, permutation]) w.declare(text);
    constants(w, "BatchIndexParams", batchIndexParams, { size: batch, ...shuffleParams(n, seed) });
    w.each(batch, (i) => {
      w.add(rowOfBatch(order, index.text(i), cursor!.at), COST.philox);
      w.add(`${rows!.at(i)} = row;`);
    });
  },
  kernels: [
    {
      name: "batchIndex/flat",
      plan(_i, _o, { order, batch, n, seed }, caps) {
        const params = batchIndexParams.pack({ size: batch, ...shuffleParams(n, seed) });
        return { launches: [flatLaunch(indexCode(order), params, [input(0), output(0)], batch, caps)] };
      },
    },
  ],
};

/** y [batch, ...] = rows of data [n, ...] named by index u32 [batch]. */
export const gather: Op<null> = {
  name: "gather",
  infer(inputs) {
    const [data, index] = inputs;
    if (index!.dtype !== "u32" || index!.shape.length !== 1)
      wrongShapes(gather, inputs, "data [n, ...] and u32 index [batch]");
    return [{ shape: [index!.shape[0]!, ...data!.shape.slice(1)], dtype: data!.dtype }];
  },
  reference([data, index]) {
    const width = sizeOf(data!.shape.slice(1));
    const y = zeros([index!.data.length, ...data!.shape.slice(1)], data!.dtype);
    index!.data.forEach((row, i) => {
      y.data.set(data!.data.subarray(row * width, (row + 1) * width) as TypedArray, i * width);
    });
    return [y];
  },
  wasm: ([data, index], [y]) =>
    flatCall("gather", [input(0), input(1), output(0), index!.shape[0]!, sizeOf(data!.shape.slice(1))], y!),
  gradient: "none",
  onChip(w, [data, rows], [y]) {
    const width = sizeOf(data!.shape.slice(1));
    elementwise(
      w,
      y!,
      (i) => {
        const row = rows!.at(index.over(i, width));
        return data!.at(index.plus(index.times(row, width), index.rest(i, width)));
      },
      COST.lookup,
    );
  },
  lookups: [0],
  kernels: [
    {
      name: "gather/flat",
      plan([data], [y], _a, caps) {
        const [four, width] = inFours(sizeOf(data!.shape.slice(1)));
        const size = y!.shape[0]! * width;
        const params = gatherParams.pack({ size, width });
        return { launches: [flatLaunch(gatherCode(four), params, [input(0), input(1), output(0)], size, caps)] };
      },
    },
  ],
};

/** Values of x and y together up to which a row is one invocation's work. */
const SHORT_ROW = 16;

/** Index and rows of a batch in one kernel: inputs cursor, data x, data y; outputs index, x, y. */
export const drawBatch: Op<BatchIndexAttrs> = composed<BatchIndexAttrs>({
  name: "drawBatch",
  body: (attrs) => ({
    parts: [
      { op: batchIndex, attrs, inputs: [{ input: 0 }] },
      { op: gather, attrs: null, inputs: [{ input: 1 }, { part: 0 }] },
      { op: gather, attrs: null, inputs: [{ input: 2 }, { part: 0 }] },
    ],
    outputs: [{ part: 0 }, { part: 1 }, { part: 2 }],
  }),
  kernels: [drawKernel(false), drawKernel(true)],
});

function drawKernel(alone: boolean): Kernel<BatchIndexAttrs> {
  return {
    name: `drawBatch/${alone ? "short" : "row"}`,
    plan([, x, y], _o, { order, batch, n, seed }, caps) {
      const [fourX, widthX] = inFours(sizeOf(x!.shape.slice(1)));
      const [fourY, widthY] = inFours(sizeOf(y!.shape.slice(1)));
      const params = drawBatchParams.pack({ size: batch, ...shuffleParams(n, seed), widthX, widthY });
      const code = drawCode(order, fourX, fourY, alone);
      const bindings = [input(0), input(1), input(2), output(0), output(1), output(2)];
      if (alone) return { launches: [flatLaunch(code, params, bindings, batch, caps)] };
      return { launches: [{ code, params, bindings, workgroups: grid(batch, caps) }] };
    },
    suits: ([, x, y]) => !alone || sizeOf(x!.shape.slice(1)) + sizeOf(y!.shape.slice(1)) <= SHORT_ROW,
  };
}
