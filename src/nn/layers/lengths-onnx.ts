import type { OnnxContext, OnnxStep } from "./onnx-step.ts";

/**
 * Which steps count, where rows have `lengths`: true [batch, steps] at steps up to a row's last, or at the last alone. The value
 * is called `counts`.
 */
export function countedSteps(c: OnnxContext, lengths: string, which: "all" | "last"): readonly OnnxStep[] {
  const op = which === "all" ? "LessOrEqual" : "Equal";
  const numbers = c.floats("numbers", [1, c.input[0]!], (i) => i + 1);
  return [
    { op: "Cast", inputs: [lengths], output: c.between("lengths"), integers: { to: 1 } },
    { op: "Reshape", inputs: [c.between("lengths"), c.wholes("column", [-1, 1])], output: c.between("rows") },
    { op, inputs: [numbers, c.between("rows")], output: c.between("counts") },
  ];
}

/** The sum [batch, values] of the steps that count, or of the last of them. */
export function countedSum(
  c: OnnxContext,
  lengths: string,
  which: "all" | "last",
  output: string,
): readonly OnnxStep[] {
  return [
    ...countedSteps(c, lengths, which),
    { op: "Unsqueeze", inputs: [c.between("counts"), c.wholes("behind", [2])], output: c.between("each") },
    {
      op: "Where",
      inputs: [c.between("each"), c.inputs[0]!, c.floats("nothing", [], () => 0)],
      output: c.between("kept"),
    },
    { op: "ReduceSum", inputs: [c.between("kept"), c.wholes("steps", [1])], output, integers: { keepdims: 0 } },
  ];
}
