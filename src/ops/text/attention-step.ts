import { NARROW_WORKGROUP, ROW_WORKGROUP } from "../../../shaders/norm/rows.ts";
import {
  attentionStepKept,
  attentionStepMeans,
  attentionStepParams,
  attentionStepScores,
} from "../../../shaders/text/attention-step.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Binding, Op } from "../../graph/op.ts";
import { type AttentionAttrs, attentionDims } from "../attention/geometry.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { float, partsOf } from "../shared/wasm-plan.ts";

/** What the first launch has put there, to be read. */
const kept: Binding = { kind: "output", index: 1, access: "read" };

/**
 * One step of attention that is causal: o [1, 1, heads d] from qkv [1, 1, width] of step `position` i32 [1], and what the
 * steps before it left in `past` [steps, width], where its own queries, keys and values are put.
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
  wasm([qkv, past], _outputs, attrs) {
    const { heads, keyHeads, d, width, scale } = attentionDims(qkv!, attrs);
    const steps = past!.shape[0]!;
    const scores = scratch(0, "read_write");
    const args = [input(0), input(2), output(1), output(0), scores, heads, heads / keyHeads, d, width, steps];
    return {
      scratch: [{ shape: [heads, steps], dtype: "f32" }],
      calls: [
        { fn: "keepStep", args: [input(0), input(2), output(1), width], parts: 1 },
        { fn: "attentionStep", args: [...args, float(scale)], parts: Math.min(heads, partsOf(heads * steps * d)) },
      ],
    };
  },
  gradient: "none",
  inPlace: [[1, 1]],
  kernels: [
    {
      name: "attentionStep/heads",
      plan([qkv, past], _outputs, attrs, caps) {
        const { heads, keyHeads, d, width, scale } = attentionDims(qkv!, attrs);
        const steps = past!.shape[0]!;
        const numbers = { rows: heads, steps, share: heads / keyHeads, keyHeads, scale };
        const params = (size: number, unit = 1) =>
          attentionStepParams.pack({ ...numbers, size, d: d / unit, width: width / unit });
        const unit = d % 4 === 0 ? 4 : 1;
        const four = unit === 4;
        const step = width / unit;
        const all = heads * steps;
        const means = attentionStepMeans(caps.onCpu ? NARROW_WORKGROUP : ROW_WORKGROUP);
        const bound = [input(2), kept, scratch(0, "read_write")];
        return {
          scratch: [{ shape: [heads, steps], dtype: "f32" }],
          launches: [
            flatLaunch(attentionStepKept(four), params(step, unit), [input(0), input(2), output(1)], step, caps),
            flatLaunch(attentionStepScores(four), params(all, unit), [input(0), ...bound], all, caps),
            { code: means, params: params(all), bindings: [...bound, output(0)], workgroups: grid(heads, caps) },
          ],
        };
      },
    },
  ],
};
