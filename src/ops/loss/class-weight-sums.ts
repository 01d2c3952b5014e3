import { classWeightSumsParams, classWeightSums as sumsCode } from "../../../shaders/loss/weighted-cross-entropy.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call } from "../shared/wasm-plan.ts";
import { classWeightSumsOnChip } from "./weighted-chip.ts";

/**
 * sums [2] from labels i32 [n] and class weights [classes]: the sum of the rows' weights, and of the classes'. Rows of a
 * negative label do not count; where none does the first is NaN, so that such a step is seen and changes nothing.
 */
export const classWeightSums: Op<null> = {
  name: "classWeightSums",
  infer(inputs) {
    const [labels, weights] = inputs;
    if (labels!.dtype !== "i32" || labels!.shape.length !== 1 || weights!.shape.length !== 1) {
      wrongShapes(classWeightSums, inputs, "i32 labels [n] and class weights [classes]");
    }
    return [{ shape: [2], dtype: "f32" }];
  },
  reference([labels, weights]) {
    const sums = floatLike(weights!, [2]);
    let rows = 0;
    let classes = 0;
    for (const label of labels!.data) if (label >= 0) rows += weights!.data[label]!;
    for (const weight of weights!.data) classes += weight;
    sums.data.set([rows || Number.NaN, classes]);
    return [sums];
  },
  wasm: ([labels, weights]) =>
    call("classWeightSums", [input(0), input(1), output(0), labels!.shape[0]!, weights!.shape[0]!]),
  onChip: classWeightSumsOnChip,
  gradient: "none",
  kernels: [
    {
      name: "classWeightSums/one",
      plan: ([labels, weights]) => ({
        launches: [
          {
            code: sumsCode(weights!.shape[0]! % 4 === 0),
            params: classWeightSumsParams.pack({ rows: labels!.shape[0]!, N: weights!.shape[0]! }),
            bindings: [input(0), input(1), input(1), output(0)],
            workgroups: [1, 1, 1],
          },
        ],
      }),
    },
  ],
};
