import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma } from "../shared/rounding.ts";
import { someCounted } from "./counted-cases.ts";

export const classWeightSums: Proof<null> = {
  bound([labels, weights], [, ew], [sums]) {
    const out = boundLike(sums!);
    for (const label of labels!.data) if (label >= 0) out.data[0]! += errorAt(ew, label);
    for (let j = 0; j < weights!.data.length; j++) out.data[1]! += errorAt(ew, j);
    out.data[0]! += gamma(labels!.data.length) * sums!.data[0]!;
    out.data[1]! += gamma(weights!.data.length) * sums!.data[1]!;
    return [out];
  },
  cases: (
    [
      [1, 2, "all"],
      [17, 5, "some"],
      [700, 300, "all"],
      [300, 5, "some"],
    ] as const
  ).map(([M, N, counted]) => ({
    name: `${M} of ${N}${counted === "all" ? "" : ", some not counted"}`,
    inputs: [
      counted === "all" ? { shape: [M], dtype: "i32", fill: "classes", below: N } : someCounted(M, N),
      { shape: [N], dtype: "f32", fill: "positive", scale: 3 },
    ],
    attrs: null,
  })),
};
