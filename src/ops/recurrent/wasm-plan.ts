import type { TensorSpec } from "../../graph/graph.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import { input, output, scratch } from "../shared/dispatch-plan.ts";
import { PANEL_COLUMNS, partsOf } from "../shared/wasm-plan.ts";
import type { Cell } from "./cells.ts";
import { type RecurrentAttrs, recurrentDims } from "./dims.ts";
import { gradientInputs } from "./reference.ts";

/** Rows that one part takes at a time: what scratch has room for, as wasm/recurrent.ts has it. */
const PART_ROWS = 6;

/**
 * Weights in panels, then all steps; parts are rows. `stacked` is the length of a row's state and sums, [rows, columns]
 * the sums and the terms of a step's product, whose weights lie `so` and `sk` apart.
 */
function loopPlan(
  fn: string,
  w: number,
  [rows, columns, so, sk]: readonly [number, number, number, number],
  args: WasmCall["args"],
  { n, stacked }: { readonly n: number; readonly stacked: number },
): WasmPlan {
  const parts = Math.ceil(n / PART_ROWS);
  const packed = scratch(0, "read_write");
  const panels = Math.ceil(rows / PANEL_COLUMNS) * PANEL_COLUMNS;
  return {
    scratch: [
      { shape: [panels * columns], dtype: "f32" },
      { shape: [parts * PART_ROWS * stacked], dtype: "f32" },
    ],
    calls: [
      { fn: "packB", args: [input(w), packed, rows, columns, so, sk], parts: partsOf(rows * columns) },
      { fn, args, parts },
    ],
  };
}

export function forwardWasm(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): WasmPlan {
  const { rows, steps, h } = recurrentDims(inputs[0]!, inputs[1]!);
  const width = cell.gates * h;
  const given = inputs.length > 4 ? [input(4), 1] : [input(0), 0];
  const made = [output(0), output(cell.saved > 0 ? 1 : 0), scratch(1, "read_write")];
  const args = [input(0), scratch(0, "read"), input(2), input(3), ...given, ...made, rows, steps, h, reverse ? 1 : 0];
  return loopPlan(cell.name, 1, [width, h, h, 1], args, { n: rows, stacked: h + width });
}

export function backwardWasm(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): WasmPlan {
  const { dy, saved, y, w, lengths } = gradientInputs(cell, [...inputs.keys()]);
  const { rows, steps, h } = recurrentDims(inputs[dy]!, inputs[w]!);
  const width = cell.gates * h;
  // What a cell has not is not read; some address stands in.
  const read = [saved, y].map((i) => input(i ?? dy));
  const given = lengths ? [input(lengths), 1] : [input(dy), 0];
  const made = [output(0), output(cell.apart ? 1 : 0), scratch(1, "read_write")];
  const args = [input(0), ...read, scratch(0, "read"), ...given, ...made, rows, steps, h, reverse ? 1 : 0];
  return loopPlan(`${cell.name}Gradient`, w, [h, width, 1, h], args, { n: rows, stacked: width + 2 * h });
}
