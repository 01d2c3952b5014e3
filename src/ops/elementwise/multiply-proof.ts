import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";

export const multiply: Proof<null> = {
  bound([a, b], [ea, eb], [y]) {
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const [x, z] = [Math.abs(a!.data[i]!), Math.abs(b!.data[i]!)];
      const [ex, ez] = [errorAt(ea, i), errorAt(eb, i)];
      const carried = ex * z + x * ez + ex * ez;
      out.data[i] = carried + 2 * U * (x * z + carried) + TINY * (1 + x + z);
    }
    return [out];
  },
  cases: [[1], [33, 9], [2, 3, 5, 7], [33, 12]].map((shape) => ({
    name: shape.join("x"),
    inputs: [
      { shape, dtype: "f32" },
      { shape, dtype: "f32" },
    ],
    attrs: null,
  })),
};
