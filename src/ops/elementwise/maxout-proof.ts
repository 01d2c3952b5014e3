import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt } from "../shared/rounding.ts";
import { eachGroup, type MaxoutAttrs } from "./maxout.ts";

export const maxout: Proof<MaxoutAttrs> = {
  bound([x], [ex], [y], attrs) {
    const out = boundLike(y!);
    eachGroup(x!, attrs, (i, elements) => {
      out.data[i] = Math.max(...elements.map((at) => errorAt(ex, at)));
    });
    return [out];
  },
  cases: cases((shape) => [{ shape, dtype: "f32" }]),
};

export const maxoutGradient: Proof<MaxoutAttrs> = {
  bound([dy, x], [edy, ex], [dx], attrs) {
    const out = boundLike(dx!);
    eachGroup(x!, attrs, (i, elements, best) => {
      const reach = (at: number): number => x!.data[best]! - errorAt(ex, best) - x!.data[at]! - errorAt(ex, at);
      // Elements that their errors may have made the largest: exact ties are no doubt, the first of them is.
      const rivals = elements.filter((at) => at !== best && reach(at) <= 0 && errorAt(ex, at) + errorAt(ex, best) > 0);
      const unsure = rivals.length > 0 ? Math.abs(dy!.data[i]!) : 0;
      for (const at of [best, ...rivals]) out.data[at] = unsure + errorAt(edy, i);
    });
    return [out];
  },
  cases: cases((shape, { pieces }) => [
    { shape: shape.map((size, k) => (k === 1 ? size / pieces : size)), dtype: "f32" },
    // Whole numbers, so that there are ties.
    { shape, dtype: "f32", fill: "integers" },
  ]),
};

function cases(
  inputs: (shape: readonly number[], attrs: MaxoutAttrs) => OpCase<MaxoutAttrs>["inputs"],
): readonly OpCase<MaxoutAttrs>[] {
  return (
    [
      [[1, 1], 1],
      [[3, 4], 2],
      [[5, 6], 3],
      [[2, 6, 5], 2],
      [[2, 8, 3, 7], 4],
      [[3, 6, 3, 8], 3],
      [[40, 4, 33, 5], 2],
    ] as const
  ).map(([shape, pieces]) => ({
    name: `${shape.join("x")}, ${pieces}`,
    inputs: inputs(shape, { pieces }),
    attrs: { pieces },
  }));
}
