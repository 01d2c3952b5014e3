import { sizeOf } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { GraphBuilder, Op, Tensor } from "../../graph/op.ts";
import { sumRows } from "../matmul/bias.ts";
import { transposeMatmul } from "../matmul/matmul.ts";
import { reshape } from "../shape/reshape.ts";
import { type Cell, cells } from "./cells.ts";
import { gateWidth, type RecurrentAttrs } from "./dims.ts";
import { backwardKernels, forwardKernels } from "./plans.ts";
import { recurrentGradientOnChip, recurrentOnChip } from "./recurrent-chip.ts";
import { gradientInputs, recurrent, recurrentGradient } from "./reference.ts";
import { previousSteps } from "./steps.ts";
import { backwardWasm, forwardWasm } from "./wasm-plan.ts";

/** True of the input that says how many steps of each row count. */
const isLengths = (t: TensorSpec, rows: number | undefined): boolean =>
  t.dtype === "i32" && t.shape.length === 1 && t.shape[0] === rows;

function shapesOf(cell: Cell, op: { readonly name: string }, inputs: readonly TensorSpec[]): readonly TensorSpec[] {
  const [x, w, inputBias, hiddenBias, lengths] = inputs;
  const h = w?.shape[1] ?? 0;
  const width = cell.gates * h;
  const fits =
    x?.shape.length === 3 &&
    x.shape[2] === width &&
    w?.shape.join() === `${width},${h}` &&
    [inputBias, hiddenBias].every((b) => b?.shape.join() === `${width}`) &&
    (inputs.length === 4 || (inputs.length === 5 && isLengths(lengths!, x.shape[0])));
  const of = gateWidth(cell);
  if (!fits) wrongShapes(op, inputs, `x [n, t, ${of}], w [${of}, h], two biases [${of}] and perhaps lengths, i32 [n]`);
  const [n, t] = x!.shape as readonly [number, number];
  return [
    { shape: [n, t, h], dtype: "f32" },
    ...(cell.saved > 0 ? [{ shape: [n, t, cell.saved, h], dtype: "f32" } as const] : []),
  ];
}

function gradientShapes(
  cell: Cell,
  op: { readonly name: string },
  inputs: readonly TensorSpec[],
): readonly TensorSpec[] {
  const { dy, saved, y, w, lengths } = gradientInputs(cell, inputs);
  const [n, t, h] = dy?.shape ?? [];
  const width = cell.gates * (h ?? 0);
  const given = 2 + (cell.saved > 0 ? 1 : 0) + (cell.readsOutputs ? 1 : 0);
  const fits =
    dy?.shape.length === 3 &&
    w?.shape.join() === `${width},${h}` &&
    (cell.saved === 0 || saved?.shape.join() === `${n},${t},${cell.saved},${h}`) &&
    (!cell.readsOutputs || y?.shape.join() === `${n},${t},${h}`) &&
    (inputs.length === given || (inputs.length === given + 1 && isLengths(lengths!, n)));
  if (!fits) {
    const kept = `${cell.saved > 0 ? `, saved values [n, t, ${cell.saved}, h]` : ""}${cell.readsOutputs ? ", y [n, t, h]" : ""}`;
    wrongShapes(op, inputs, `dy [n, t, h]${kept}, w [${gateWidth(cell)}, h] and perhaps lengths, i32 [n]`);
  }
  const dx: TensorSpec = { shape: [n!, t!, width], dtype: "f32" };
  return cell.apart ? [dx, dx] : [dx];
}

/** [n, t, k] as rows [n t, k]. */
const asRows = (g: GraphBuilder, x: Tensor): Tensor =>
  g.one(reshape, [x], { shape: [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!] }, `rows of ${x.name}`);

/** A kind of recurrence and its gradient. */
function family(cell: Cell): { forward: Op<RecurrentAttrs>; backward: Op<RecurrentAttrs> } {
  const forward: Op<RecurrentAttrs> = {
    name: cell.name,
    infer: (inputs) => shapesOf(cell, forward, inputs),
    reference: (inputs, attrs) => recurrent(cell, inputs, attrs),
    wasm: (inputs, _outputs, attrs) => forwardWasm(cell, inputs, attrs),
    onChip: recurrentOnChip(cell),
    gradient(g, { inputs, outputs: [y, saved], attrs }, [dy]) {
      const [x, w, inputBias, hiddenBias, lengths] = inputs as readonly [Tensor, Tensor, Tensor, Tensor, Tensor?];
      if (!dy) return inputs.map(() => null);
      const kept = [...(cell.saved > 0 ? [saved!] : []), ...(cell.readsOutputs ? [y!] : [])];
      const name = `d ${x.name}`;
      const given = lengths ? [lengths] : [];
      const [dx, hidden] = g.add(backward, [dy, ...kept, w, ...given], attrs, name);
      const sums = asRows(g, hidden ?? dx!);
      const before = asRows(g, g.one(previousSteps, [y!], attrs, `${y!.name} a step before`));
      return [
        dx!,
        g.one(transposeMatmul, [sums, before], { transpose: "a" } as const, `d ${w.name}`),
        // Each by itself, even where both are the same: they lie in one buffer, which no kernel may read and write.
        g.one(sumRows, [hidden ? asRows(g, dx!) : sums], null, `d ${inputBias.name}`),
        g.one(sumRows, [sums], null, `d ${hiddenBias.name}`),
        ...given.map(() => null),
      ];
    },
    kernels: forwardKernels(cell.name, cell),
  };
  const backward: Op<RecurrentAttrs> = {
    name: `${cell.name}Gradient`,
    infer: (inputs) => gradientShapes(cell, backward, inputs),
    reference: (inputs, attrs) => recurrentGradient(cell, inputs, attrs),
    wasm: (inputs, _outputs, attrs) => backwardWasm(cell, inputs, attrs),
    onChip: recurrentGradientOnChip(cell),
    gradient: "none",
    kernels: backwardKernels(`${cell.name}Gradient`, cell),
  };
  return { forward, backward };
}

/**
 * Recurrences over all steps, one node a layer and direction: from x [n, t, gates h], the input's product with its weights,
 * w [gates h, h], both biases [gates h] and perhaps lengths, i32 [n], to y [n, t, h]. Steps beyond a row's length give 0.
 * The state before the first step is 0. Gates as in PyTorch: i f g o (lstm, four), r z n (gru, three), one (rnn). lstm and
 * gru also give what their gradient reads: lstm its gates and cell [n, t, 5, h], gru its gates and n's hidden sum [n, t, 4, h].
 */
export const { forward: lstm, backward: lstmGradient } = family(cells.lstm);
export const { forward: gru, backward: gruGradient } = family(cells.gru);
/** With tanh. */
export const { forward: rnn, backward: rnnGradient } = family(cells.rnn);
/** With relu. */
export const { forward: rnnRelu, backward: rnnReluGradient } = family(cells.rnnRelu);
