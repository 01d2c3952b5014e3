import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { floatLike } from "../shared/rounding.ts";
import { type AttentionAttrs, attentionDims, expectAttention, extrasOf } from "./geometry.ts";
import { attentionGradientKernels, attentionKernels } from "./kernels.ts";
import { dot, eachQuery, logSumExp, scoresOf } from "./rows.ts";
import { attentionCalls, attentionGradientCalls } from "./wasm-plan.ts";

export type { AttentionAttrs } from "./geometry.ts";

/**
 * Scaled dot-product attention within rows of steps. From qkv [n, t, (heads + 2 keyHeads) d], as a projection gives it: each
 * step's queries, then its keys, then its values; [lengths i32 [n]]; [cursor u32 [4]]. It gives o [n, t, heads d], where
 * o_i = sum_j softmax_j(q_i k_j / sqrt d) v_j over the keys that i sees, and lse [n, heads, t], the logarithm of that
 * softmax's denominator, which the gradient uses. Keys at or behind a row's length are not seen; a query there sees
 * none, as one of a row of length 0: its o and lse are 0, and nothing has a gradient through it. The scores [t, t] are
 * nowhere in memory. Throws ChainruleError "value" where keyHeads do not divide heads, "shape" where heads do not divide the
 * last axis, "limit" where dropout would need more random words than a step has.
 */
export const attention: Op<AttentionAttrs> = {
  name: "attention",
  infer(inputs, attrs) {
    const { n, t, heads, d } = expectAttention(attention, inputs, attrs, { qkv: 0, rest: 1 });
    return [
      { shape: [n, t, heads * d], dtype: "f32" },
      { shape: [n, heads, t], dtype: "f32" },
    ];
  },
  reference(inputs, attrs) {
    const [qkv] = inputs;
    const dims = attentionDims(qkv!, attrs);
    const { n, t, heads, d, width } = dims;
    const o = floatLike(qkv!, [n, t, heads * d]);
    const lse = floatLike(qkv!, [n, heads, t]);
    const x = qkv!.data;
    eachQuery(dims, attrs, extrasOf(inputs, 1, attrs), (r) => {
      const scores = scoresOf(dims, x, r);
      const log = logSumExp(scores);
      const sums = new Float64Array(d);
      scores.forEach((s, j) => {
        const weight = Math.exp(s - log) * r.kept[j]!;
        for (let c = 0; c < d; c++) sums[c]! += weight * x[r.v + j * width + c]!;
      });
      o.data.set(sums, r.o);
      lse.data[r.row] = log;
    });
    return [o, lse];
  },
  wasm: ([qkv], _outputs, attrs) => attentionCalls(attentionDims(qkv!, attrs), attrs),
  gradient: (g, { inputs: [qkv, ...extras], outputs: [o, lse], attrs }, [dy]) => [
    dy ? g.one(attentionGradient, [dy, qkv!, o!, lse!, ...extras], attrs, `d ${qkv!.name}`) : null,
    ...extras.map(() => null),
  ],
  kernels: attentionKernels,
};

/**
 * dqkv [n, t, (heads + 2 keyHeads) d] from dy [n, t, heads d], qkv, o, lse, and what else attention had. The weights are
 * worked out again from lse, a block at a time.
 */
export const attentionGradient: Op<AttentionAttrs> = {
  name: "attentionGradient",
  infer(inputs, attrs) {
    const dims = expectAttention(attentionGradient, inputs, attrs, { qkv: 1, rest: 4 });
    expectSaved(inputs, [dims.n, dims.t, dims.heads * dims.d], [dims.n, dims.heads, dims.t]);
    return [{ shape: inputs[1]!.shape, dtype: "f32" }];
  },
  reference(inputs, attrs) {
    const [dy, qkv, o, lse] = inputs;
    const dims = attentionDims(qkv!, attrs);
    const { d, width, scale } = dims;
    const [x, g] = [qkv!.data, dy!.data];
    const sums = new Float64Array(x.length);
    eachQuery(dims, attrs, extrasOf(inputs, 4, attrs), (r) => {
      const whole = dot(g, r.o, o!.data, r.o, d);
      scoresOf(dims, x, r).forEach((s, j) => {
        const weight = Math.exp(s - lse!.data[r.row]!);
        const [k, v] = [r.k + j * width, r.v + j * width];
        const ds = scale * weight * (r.kept[j]! * dot(g, r.o, x, v, d) - whole);
        for (let c = 0; c < d; c++) {
          sums[r.q + c]! += ds * x[k + c]!;
          sums[k + c]! += ds * x[r.q + c]!;
          sums[v + c]! += weight * r.kept[j]! * g[r.o + c]!;
        }
      });
    });
    const dx = floatLike(dy!, qkv!.shape);
    dx.data.set(sums);
    return [dx];
  },
  wasm: ([, qkv], _outputs, attrs) => attentionGradientCalls(attentionDims(qkv!, attrs), attrs),
  gradient: "none",
  kernels: attentionGradientKernels,
};

function expectSaved(inputs: readonly TensorSpec[], o: readonly number[], lse: readonly number[]): void {
  const wanted = [o, inputs[1]!.shape, o, lse];
  if (wanted.some((shape, i) => inputs[i]!.shape.join() !== shape.join())) {
    wrongShapes(attentionGradient, inputs, "dy, qkv, o and lse of one attention");
  }
}
