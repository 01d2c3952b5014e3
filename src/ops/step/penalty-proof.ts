import { MAX_PARTIALS, REDUCE_WORKGROUP } from "../../../shaders/reduce.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { groupsOf, type PenaltyAttrs, scaleIn } from "./penalty.ts";

export const penalty: Proof<PenaltyAttrs> = {
  bound([w], [ew], [y], { l1, l2 }) {
    const out = boundLike(y!);
    let moved = 0;
    for (let i = 0; i < w!.data.length; i++) {
      const e = errorAt(ew, i);
      moved += (l1 + 2 * l2 * (Math.abs(w!.data[i]!) + e)) * e;
    }
    const n = w!.data.length;
    const chain =
      n / (groupsOf(n) * REDUCE_WORKGROUP) + MAX_PARTIALS / REDUCE_WORKGROUP + 4 * Math.sqrt(REDUCE_WORKGROUP);
    out.data[0] = moved + gamma(Math.ceil(chain) + 8) * (y!.data[0]! + moved) + n * TINY;
    return [out];
  },
  cases: cases(1),
};

export const penaltyGradient: Proof<PenaltyAttrs> = {
  bound([dw, w, c], [edw, ew], [dy], { l1, l2 }) {
    const out = boundLike(dy!);
    const scale = scaleIn(c);
    for (let i = 0; i < out.data.length; i++) {
      const v = Math.abs(w!.data[i]!);
      const e = errorAt(ew, i);
      // A weight that may be on the other side of 0, or be flushed to it, has another sign.
      const turned = v !== 0 && v <= Math.max(e, TINY) ? 2 * l1 : 0;
      const size = Math.abs(dw!.data[i]!) + scale * (l1 + 2 * l2 * v);
      out.data[i] = errorAt(edw, i) + scale * (2 * l2 * e + turned) + 5 * U * size + Math.max(scale, 1) * TINY;
    }
    return [out];
  },
  cases: cases(2),
};

function cases(inputs: number) {
  return (
    [
      [[5], 0.3, 0],
      [[33, 9], 0, 0.2],
      [[130, 70], 0.01, 0.05],
    ] as const
  ).map(([shape, l1, l2]) => ({
    name: `${shape.join("x")}: l1 ${l1}, l2 ${l2}`,
    inputs: Array.from({ length: inputs }, () => ({ shape, dtype: "f32" as const })),
    attrs: { l1, l2 },
  }));
}
