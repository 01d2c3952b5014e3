import { MAX_PARTIALS, REDUCE_WORKGROUP } from "../../../shaders/reduce.ts";
import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { ALONE_SIZE, type ElementwiseLossSpec, partialGroups, scaleOf } from "./elementwise-loss.ts";

/** Of a loss. */
export function lossProof(spec: ElementwiseLossSpec): Proof<null> {
  const magnitude = spec.magnitude ?? ((p, t) => (Math.abs(p) + Math.abs(t)) * Math.abs(p - t) + Math.abs(p - t));
  return {
    bound([p, t], [ep, et], [y]) {
      const out = boundLike(y!);
      let bound = 0;
      let size = 0;
      const n = p!.data.length;
      for (let i = 0; i < n; i++) {
        const moved = movement(spec.term, p!.data[i]!, t!.data[i]!, errorAt(ep, i), errorAt(et, i));
        bound += moved + spec.rounding * U * magnitude(p!.data[i]!, t!.data[i]!);
        size += Math.abs(spec.term(p!.data[i]!, t!.data[i]!)) + moved;
      }
      out.data[0] = (bound + gamma(chain(n)) * size) * scaleOf(spec, n) + n * TINY;
      return [out];
    },
    cases: cases(spec, false),
  };
}

/** Of its gradient; the cases serve both in one pass, too. */
export function lossGradientProof(spec: ElementwiseLossSpec): Proof<null> {
  const slopeMagnitude = spec.slopeMagnitude ?? ((p, t) => Math.abs(p) + Math.abs(t));
  return {
    bound([p, t, dloss], [ep, et, edloss], [dp]) {
      const out = boundLike(dp!);
      const scale = scaleOf(spec, p!.data.length);
      const factor = Math.abs(dloss!.data[0]!) * scale;
      for (let i = 0; i < out.data.length; i++) {
        const s = spec.slope(p!.data[i]!, t!.data[i]!);
        const moved = movement(spec.slope, p!.data[i]!, t!.data[i]!, errorAt(ep, i), errorAt(et, i));
        const e = moved + spec.slopeRounding * U * slopeMagnitude(p!.data[i]!, t!.data[i]!);
        out.data[i] = e * factor + (Math.abs(s) + e) * (errorAt(edloss, 0) * scale + 3 * U * factor) + TINY;
      }
      return [out];
    },
    cases: cases(spec, true),
  };
}

/** How far f moves when its arguments do, at the corners of the error box. */
function movement(f: (p: number, t: number) => number, p: number, t: number, ep: number, et: number): number {
  if (ep === 0 && et === 0) return 0;
  const here = f(p, t);
  let most = 0;
  for (const sp of [-1, 1]) {
    for (const st of [-1, 1]) most = Math.max(most, Math.abs(f(p + sp * ep, t + st * et) - here));
  }
  return most;
}

function cases(spec: ElementwiseLossSpec, gradient: boolean): readonly OpCase<null>[] {
  return [
    [1, 4],
    [3, 5],
    [17, 33],
    [100, 60],
  ].map((shape) => ({
    name: shape.join("x"),
    inputs: [
      { shape, dtype: "f32", scale: 2 },
      { shape, dtype: "f32", ...(spec.targets ? { fill: spec.targets } : {}) },
      ...(gradient ? [{ shape: [1], dtype: "f32" as const, fill: [1.25] }] : []),
    ],
    attrs: null,
  }));
}

/** Additions behind one another, at most: an invocation's own, then those of two workgroup reductions. */
function chain(n: number): number {
  const own = Math.max(n / (partialGroups(n) * REDUCE_WORKGROUP), Math.min(n, ALONE_SIZE) / REDUCE_WORKGROUP);
  return Math.ceil(own) + MAX_PARTIALS / REDUCE_WORKGROUP + 4 * Math.sqrt(REDUCE_WORKGROUP) + 3;
}
