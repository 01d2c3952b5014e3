import { sizeOf } from "../../core/ndarray.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { type AttentionAttrs, attentionDims } from "../attention/geometry.ts";
import { cells } from "../recurrent/cells.ts";
import { plain } from "../recurrent/reference.ts";
import { floatLike } from "../shared/rounding.ts";

/**
 * One step of attention that is causal: o [1, 1, heads d] from qkv [1, 1, width] of step `position` i32 [1], and what the
 * steps before it left in `past` [steps, width], where its own keys and values are put. It has no kernels: on the CPU its
 * reference is what runs, and beside the products of a net it is little.
 */
export const attentionStep: Op<AttentionAttrs> = {
  name: "attentionStep",
  infer(inputs, attrs) {
    const [qkv, past, position] = inputs;
    const { heads, d, width } = attentionDims(qkv!, attrs);
    const fits = qkv!.shape.join() === `1,1,${width}` && past!.shape[1] === width && sizeOf(position!.shape) === 1;
    if (!fits) wrongShapes(attentionStep, inputs, "qkv [1, 1, width], past [steps, width] and a position [1]");
    return [{ shape: [1, 1, heads * d], dtype: "f32" }, past!];
  },
  reference([qkv, past, position], attrs) {
    const { heads, keyHeads, d, width, scale } = attentionDims(qkv!, attrs);
    const at = position!.data[0]!;
    past!.data.set(qkv!.data, at * width);
    const o = floatLike(qkv!, [1, 1, heads * d]);
    const scores = new Float64Array(at + 1);
    for (let head = 0; head < heads; head++) {
      const key = (heads + Math.floor(head / (heads / keyHeads))) * d;
      const value = key + keyHeads * d;
      let top = Number.NEGATIVE_INFINITY;
      for (let j = 0; j <= at; j++) {
        let sum = 0;
        for (let c = 0; c < d; c++) sum += qkv!.data[head * d + c]! * past!.data[j * width + key + c]!;
        scores[j] = scale * sum;
        top = Math.max(top, scores[j]!);
      }
      for (let j = 0; j <= at; j++) scores[j] = Math.exp(scores[j]! - top);
      const total = scores.reduce((sum, s) => sum + s, 0);
      for (let c = 0; c < d; c++) {
        let sum = 0;
        for (let j = 0; j <= at; j++) sum += scores[j]! * past!.data[j * width + value + c]!;
        o.data[head * d + c] = sum / total;
      }
    }
    return [o, past!];
  },
  gradient: "none",
  inPlace: [[1, 1]],
  kernels: [],
};

export interface RecurrentStepAttrs {
  readonly cell: keyof typeof cells;
}

/**
 * One step of a recurrence: y [1, 1, h] from x [1, 1, gates h], w [gates h, h] and both biases, and `state` [2, h], which
 * holds output and cell of the step before it, and then its own; zeros before the first. On the CPU, as attentionStep.
 */
export const recurrentStep: Op<RecurrentStepAttrs> = {
  name: "recurrentStep",
  infer(inputs) {
    const [x, w, , , state] = inputs;
    const h = w!.shape[1]!;
    const fits = x!.shape.join() === `1,1,${w!.shape[0]}` && state!.shape.join() === `2,${h}`;
    if (!fits) wrongShapes(recurrentStep, inputs, "x [1, 1, gates h], w [gates h, h], two biases and a state [2, h]");
    return [{ shape: [1, 1, h], dtype: "f32" }, state!];
  },
  reference([x, w, inputBias, hiddenBias, state], { cell: name }) {
    const cell = cells[name];
    const h = w!.shape[1]!;
    const before = Float64Array.from(state!.data);
    const sums = Float64Array.from(hiddenBias!.data, (bias, q) => {
      let sum = bias;
      for (let k = 0; k < h; k++) sum += w!.data[q * h + k]! * before[k]!;
      return sum;
    });
    const y = floatLike(x!, [1, 1, h]);
    const gates = Array.from({ length: cell.gates }, (_, g) => g * h);
    for (let j = 0; j < h; j++) {
      const own = gates.map((g) => x!.data[g + j]! + inputBias!.data[g + j]!);
      const hidden = gates.map((g) => sums[g + j]!);
      const made = cell.step(plain, own, hidden, before[j]!, before[h + j]!);
      y.data[j] = made.y;
      state!.data[j] = made.y;
      state!.data[h + j] = cell.cell < 0 ? 0 : made.saved[cell.cell]!;
    }
    return [y, state!];
  },
  gradient: "none",
  inPlace: [[1, 4]],
  kernels: [],
};
