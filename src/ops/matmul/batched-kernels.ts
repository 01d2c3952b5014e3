import { batchedParams, batchedProduct } from "../../../shaders/matmul/batched.ts";
import { type MatmulVariant, NO_EPILOGUE } from "../../../shaders/matmul/common.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../../graph/op.ts";
import { grid } from "../shared/dispatch-plan.ts";
import {
  type BatchedAttrs,
  type BatchedDims,
  type BatchedRun,
  batchedDims,
  batchedForm,
  batchedRuns,
  kernelOperands,
} from "./batched-dims.ts";
import { vectorAccess } from "./kernels.ts";
import type { PanelWindow } from "./panels.ts";
import { ladder, type Rung } from "./rungs.ts";

/** What all launches of a plan share. */
interface Batch {
  readonly rung: Rung;
  readonly dims: BatchedDims;
  readonly variant: MatmulVariant;
  readonly specs: readonly [a: TensorSpec, b: TensorSpec, c: TensorSpec];
  readonly caps: DeviceCaps;
}

/** The rungs of a product that some device guesses first, but those that divide its sum: a batch has workgroups enough. */
const RUNGS = ["naive", "block32", "block64", "block64-wide", "block128", "packed-quads", "direct", "row", "row-alone"];

export const batchedKernels: readonly Kernel<BatchedAttrs>[] = ladder
  .filter(({ name }) => RUNGS.includes(name))
  .map((rung) => ({
    name: `batchedMatmul/${rung.name}`,
    ...(rung.needs && { needs: rung.needs }),
    suits: (inputs, attrs, caps) => {
      const form = batchedForm(attrs);
      return rung.suits(batchedDims(form, ...kernelOperands(form, inputs)), caps);
    },
    plan(inputs, _outputs, attrs, caps): KernelPlan | null {
      const form = batchedForm(attrs);
      const [a, b] = kernelOperands(form, inputs);
      const dims = batchedDims(form, a, b);
      const c: TensorSpec = { shape: [...dims.lead, dims.M, dims.N], dtype: "f32" };
      const variant: MatmulVariant = { form, accumulate: false, epilogue: NO_EPILOGUE };
      if ((rung.needs && !caps[rung.needs]) || !rung.applies(dims, variant, caps)) return null;
      if ((rung.slices?.(dims) ?? 1) > 1) return null;
      const batch: Batch = { rung, dims, variant, specs: [a, b, c], caps };
      return { launches: batchedRuns(dims).flatMap((run) => runLaunches(batch, run)) };
    },
  }));

/** A stretch of an array of matrices: bound from an aligned element on, where the whole is more than can be bound. */
function windowOf(
  { shape }: TensorSpec,
  first: number,
  count: number,
  caps: DeviceCaps,
): PanelWindow & { cut: boolean } {
  const matrix = sizeOf(shape.slice(-2));
  const start = first * matrix;
  if (sizeOf(shape) * 4 <= caps.maxStorageBufferBindingSize) return { offset: 0, size: 0, rest: start, cut: false };
  const align = caps.minStorageBufferOffsetAlignment / 4;
  const offset = Math.floor(start / align) * align;
  return { offset, size: start - offset + count * matrix, rest: start - offset, cut: true };
}

/** A launch for as many products of a run as the device binds and counts along z at once. */
function runLaunches(batch: Batch, run: BatchedRun): Launch[] {
  const { caps, specs } = batch;
  const launches: Launch[] = [];
  const limit = caps.maxStorageBufferBindingSize / 4;
  /** Matrices of an array that may be bound at once, wherever the first of them begins. */
  const most = specs.map(({ shape }) =>
    sizeOf(shape) <= limit
      ? Number.POSITIVE_INFINITY
      : Math.floor((limit - caps.minStorageBufferOffsetAlignment / 4 + 1) / sizeOf(shape.slice(-2))),
  );
  const steps = [run.aStep, run.bStep, 1];
  const each = Math.min(
    caps.maxComputeWorkgroupsPerDimension,
    ...most.map((m, k) =>
      m < 1 ? 0 : steps[k] === 0 ? Number.POSITIVE_INFINITY : Math.floor((m - 1) / steps[k]!) + 1,
    ),
  );
  if (each < 1) {
    const largest = 4 * Math.max(...specs.map(({ shape }) => sizeOf(shape.slice(-2))));
    const message = `batchedMatmul: a matrix of ${largest} bytes exceeds what this device binds at once (maxStorageBufferBindingSize, ${caps.maxStorageBufferBindingSize} bytes)`;
    throw new ChainruleError("limit", message);
  }
  for (let from = 0; from < run.count; from += each) {
    launches.push(launchOf(batch, run, from, Math.min(each, run.count - from)));
  }
  return launches;
}

function launchOf({ rung, dims, variant, specs, caps }: Batch, run: BatchedRun, from: number, count: number): Launch {
  const { M, N, K, form } = dims;
  const [a, b] = specs;
  const firsts = [run.a + from * run.aStep, run.b + from * run.bStep, run.first + from];
  const steps = [run.aStep, run.bStep, 1];
  const windowAt = (k: 0 | 1 | 2) => windowOf(specs[k], firsts[k]!, (count - 1) * steps[k]! + 1, caps);
  const windows = [windowAt(0), windowAt(1), windowAt(2)] as const;
  const [aw, bw, cw] = windows;
  const strides = { lda: a.shape.at(-1)!, ldb: b.shape.at(-1)!, ldc: N };
  // Where a row is whole fours so is a matrix, and the next begins as this one does.
  const vector = vectorAccess(rung, form, { M, N, K, a: aw, b: bw, c: cw }, strides);
  const tilesN = Math.ceil(N / rung.block[1]);
  const tiles = tilesN * Math.ceil(M / rung.block[0]);
  const params = batchedParams.pack({
    M,
    N,
    K,
    ...strides,
    aOffset: aw.rest,
    bOffset: bw.rest,
    cOffset: cw.rest,
    biasOffset: 0,
    tilesN,
    tiles,
    sliceK: Math.ceil(K / 4) * 4,
    slices: 1,
    alpha: 0,
    aBatch: run.aStep * sizeOf(a.shape.slice(-2)),
    bBatch: run.bStep * sizeOf(b.shape.slice(-2)),
    cBatch: M * N,
  });
  const bindings = windows.map(({ offset, size, cut }, k): Binding => {
    const at = k < 2 ? ({ kind: "input", index: k, access: "read" } as const) : OUTPUT;
    return cut ? { ...at, offset, size } : at;
  });
  const [x, y] = grid(tiles, caps);
  return {
    code: batchedProduct(rung.code(variant, vector, K, caps, false)),
    params,
    bindings,
    workgroups: [x, y, count],
  };
}

const OUTPUT = { kind: "output", index: 0, access: "read_write" } as const;
