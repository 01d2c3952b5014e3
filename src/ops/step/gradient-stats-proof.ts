import type { Proof } from "../../graph/op.ts";
import { boundLike, gamma, TINY } from "../shared/rounding.ts";
import { groupsOf } from "./gradient-stats.ts";

export const gradientStats: Proof<null> = {
  bound([g], _e, [stats]) {
    const out = boundLike(stats!);
    // With one invocation a group, each of its four sums takes a quarter of the group's elements, one after another.
    const n = Math.ceil(g!.data.length / (4 * groupsOf(g!.data.length)));
    for (let k = 0; k < out.data.length; k += 2) out.data[k] = gamma(n + 3) * stats!.data[k]! + TINY;
    return [out];
  },
  cases: [[5], [4096], [4099], [70000]].map((shape) => ({
    name: `${shape}`,
    inputs: [{ shape, dtype: "f32" }],
    attrs: null,
  })),
};
