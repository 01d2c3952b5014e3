import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { matmulDims } from "../matmul/dims.ts";
import { input, output, scratch } from "./dispatch-plan.ts";

/** A float argument. */
export const float = (value: number): { readonly float: number } => ({ float: value });

/** Elements that are worth a part: waking a thread costs as much as some ten thousand of them. */
const PART = 32768;

/** Parts of flat or row-wise work over `elements`. */
export function partsOf(elements: number): number {
  return Math.max(1, Math.floor(elements / PART));
}

/** A plan of one call. */
export function call(fn: string, args: WasmCall["args"], parts = 1): WasmPlan {
  return { calls: [{ fn, args, parts }] };
}

/** A plan of one call over all elements of the first output. */
export function flatCall(fn: string, args: WasmCall["args"], y: TensorSpec): WasmPlan {
  return call(fn, args, partsOf(sizeOf(y.shape)));
}

/** Columns of a panel of B, whose number is filled up to it. */
export const PANEL_COLUMNS = 8;
/** Tiles below which a product has smaller ones: of eight, the last of which is small, two threads do not get the same. */
const ENOUGH_TILES = 16;
/**
 * Rows and columns of the tiles that threads take, whole panels in either build of wasm/panels.ts: 4 or 6 rows, 8 columns.
 * Room for panels is given in twelves of rows, which are whole panels too.
 */
const TILE = { rows: 72, columns: 128, panelRows: 12, panelColumns: PANEL_COLUMNS };

/** Rows and columns of a product's tiles, halved while there are few, and how many that makes. */
function tilesOf(M: number, N: number): { readonly rows: number; readonly columns: number; readonly count: number } {
  let { rows, columns } = TILE;
  const count = (): number => Math.ceil(M / rows) * Math.ceil(N / columns);
  if (count() < ENOUGH_TILES) rows /= 2;
  if (count() < ENOUGH_TILES) columns /= 2;
  return { rows, columns, count: count() };
}
/**
 * Rows and multiply-adds from which packing pays, and what is worth a part of a product without it; bench/NOTES.md. A row
 * of B transposed meets one of A in a dot product, which is slower, so there packing pays whatever the work.
 */
const PACKED_ROWS = 12;
const PACKED_WORK = 2 ** 20;
const DIRECT_PART = 2 ** 20;

/** c = a b in one of three forms, of inputs 0 and 1 into output 0. */
export function productPlan(form: MatmulForm, inputs: readonly TensorSpec[]): WasmPlan {
  const { M, N, K } = matmulDims(form, inputs[0]!, inputs[1]!);
  const work = M * N * K;
  const operands = [input(0), input(1), output(0), M, N, K];
  const parts = Math.max(1, Math.floor(work / DIRECT_PART));
  const pays = form === "NT" || (work >= PACKED_WORK && K >= 2 * TILE.panelColumns);
  if (M >= PACKED_ROWS && N >= TILE.panelColumns && pays) return packedPlan(form, M, N, K);
  if (form === "NT") return call("dots", operands, parts);
  return call("product", [...operands, form === "TN" ? 1 : K, form === "TN" ? M : 1], parts);
}

function packedPlan(form: MatmulForm, M: number, N: number, K: number): WasmPlan {
  const panelsA = Math.ceil(M / TILE.panelRows);
  const panelsB = Math.ceil(N / TILE.panelColumns);
  const tiles = tilesOf(M, N);
  // A lies as [M, K] or, in TN, as [K, M]; B as [K, N] or, in NT, as [N, K].
  const strideA = form === "TN" ? [1, M] : [K, 1];
  const strideB = form === "NT" ? [K, 1] : [1, N];
  const a = scratch(0, "read_write");
  const b = scratch(1, "read_write");
  return {
    scratch: [
      { shape: [panelsA * TILE.panelRows * K], dtype: "f32" },
      { shape: [panelsB * TILE.panelColumns * K], dtype: "f32" },
    ],
    calls: [
      { fn: "packA", args: [input(0), a, M, K, ...strideA], parts: partsOf(M * K) },
      { fn: "packB", args: [input(1), b, N, K, ...strideB], parts: partsOf(N * K) },
      { fn: "multiply", args: [a, b, output(0), M, N, K, tiles.rows, tiles.columns], parts: tiles.count },
    ],
  };
}
