import { type NdArray, ndarray } from "../../core/ndarray.ts";
import { normals, STREAM } from "../../core/philox.ts";
import type { CaseInput, Errors, OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";
import { type AttentionAttrs, attention as op } from "./attention.ts";
import { type AttentionDims, attentionDims, extrasOf } from "./geometry.ts";
import { type AttentionRow, eachQuery, logSumExp, scoresOf } from "./rows.ts";

/** What an exponential may be off by, relative: by WGSL's rule, of an argument x or nearer to 0. */
const expError = (x: number): number => 2 * (3 + 2 * Math.min(Math.abs(x), 104)) * U;
/** What a logarithm may be off by, of l >= 1. */
const logError = (log: number): number => 2 ** -21 + 6 * U * Math.abs(log);

/** Bound of each score: products of both operands as they may be, their sum's roundings, and the scale's. */
function scoreErrors(
  { d, width, scale }: AttentionDims,
  x: NdArray,
  ex: NdArray | null | undefined,
  r: AttentionRow,
  scores: Float64Array,
): Float64Array {
  return scores.map((s, j) => {
    const k = r.k + j * width;
    let sum = 0;
    for (let c = 0; c < d; c++) {
      const [a, b] = [Math.abs(x.data[r.q + c]!), Math.abs(x.data[k + c]!)];
      const [ea, eb] = [errorAt(ex, r.q + c), errorAt(ex, k + c)];
      sum += a * eb + ea * b + ea * eb + gamma(d + 4) * (a + ea) * (b + eb) + TINY;
    }
    return scale * sum + 4 * U * Math.abs(s);
  });
}

/**
 * Errors of weights before they are divided, in the exponent: the score's, the exponentials' that lead from the first
 * maximum to the last, and of the products between. A maximum may be a new one wherever two scores lie within their errors.
 */
function exponentErrors(scores: Float64Array, errors: Float64Array): Float64Array {
  const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const behind = new Float64Array(scores.length);
  let largest = Number.NEGATIVE_INFINITY;
  let before = 0;
  scores.forEach((s, j) => {
    if (s + errors[j]! > largest) before++;
    behind[j] = before;
    largest = Math.max(largest, s - errors[j]!);
  });
  return scores.map((s, j) => {
    const changes = before - behind[j]! + 1;
    // Arguments add up to at most the distance to the last maximum, wherever the changes are.
    const rounding = expError(top - s) + 6 * U * changes + 2 * U * changes + U * (top - s);
    return errors[j]! + Math.log1p(1.1 * rounding);
  });
}

export const attention: Proof<AttentionAttrs> = {
  bound(inputs, errors, [o, lse], attrs) {
    const [qkv] = inputs;
    const dims = attentionDims(qkv!, attrs);
    const { d, width, t } = dims;
    const x = qkv!.data;
    const ex = errors[0];
    const [bo, bl] = [boundLike(o!), boundLike(lse!)];
    eachQuery(dims, attrs, extrasOf(inputs, 1, attrs), (r) => {
      const scores = scoresOf(dims, x, r);
      if (scores.length === 0) return;
      const off = exponentErrors(scores, scoreErrors(dims, qkv!, ex, r, scores));
      const log = logSumExp(scores);
      // The denominator's own error in the exponent, its sum's roundings among it.
      const whole = Math.log(off.reduce((sum, e, j) => sum + Math.exp(scores[j]! - log + e), 0)) + gamma(2 * t + 8);
      for (let c = 0; c < d; c++) {
        let sum = 0;
        off.forEach((e, j) => {
          const at = r.v + j * width + c;
          const [v, ev] = [Math.abs(x[at]!), errorAt(ex, at)];
          const weight = Math.exp(scores[j]! - log) * r.kept[j]!;
          const relative = Math.expm1(e + whole + gamma(2 * t + 12));
          sum += weight * (relative * (v + ev) + ev) + 4 * TINY * (1 + t * r.kept[j]! * (v + ev));
        });
        bo.data[r.o + c] = sum;
      }
      const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      bl.data[r.row] = whole + logError(log - largest) + 3 * U * (Math.abs(log) + Math.abs(largest));
    });
    return [bo, bl];
  },
  get cases() {
    return forwardCases();
  },
};

export const attentionGradient: Proof<AttentionAttrs> = {
  bound: (inputs, errors, [dqkv], attrs) => [gradientBound(inputs, errors, dqkv!, attrs)],
  get cases() {
    return backwardCases();
  },
};

function arrayOf({ shape, dtype, fill }: CaseInput): NdArray {
  return ndarray(shape, dtype, fill as readonly number[]);
}

/** Of dq, dk and dv: each pair's score, weight and slope with their errors, then sums of as many terms as pairs. */
function gradientBound(inputs: readonly NdArray[], errors: Errors, dqkv: NdArray, attrs: AttentionAttrs): NdArray {
  const [dy, qkv, o, lse] = inputs as readonly [NdArray, NdArray, NdArray, NdArray];
  const [edy, ex, eo, elog] = errors;
  const dims = attentionDims(qkv, attrs);
  const { d, width, scale, t, heads, keyHeads } = dims;
  const x = qkv.data;
  const out = boundLike(dqkv);
  const terms = gamma((heads / keyHeads) * t + 6);
  /** Adds to an element what a product of a factor and an element, with their errors, may be off by in a sum of its kind. */
  const add = (at: number, f: number, ef: number, v: number, ev: number): void => {
    const [a, b] = [Math.abs(f), Math.abs(v)];
    out.data[at]! += a * ev + ef * b + ef * ev + terms * (a + ef) * (b + ev) + 2 * TINY * (1 + b);
  };
  eachQuery(dims, attrs, extrasOf(inputs, 4, attrs), (r) => {
    let [whole, eWhole] = [0, 0];
    for (let c = r.o; c < r.o + d; c++) {
      const [a, b] = [Math.abs(dy.data[c]!), Math.abs(o.data[c]!)];
      const [ea, eb] = [errorAt(edy, c), errorAt(eo, c)];
      whole += dy.data[c]! * o.data[c]!;
      eWhole += a * eb + ea * b + ea * eb + gamma(d + 2) * (a + ea) * (b + eb) + TINY;
    }
    const scores = scoresOf(dims, x, r);
    const off = scoreErrors(dims, qkv, ex, r, scores);
    const log = lse.data[r.row]!;
    scores.forEach((s, j) => {
      const [k, v] = [r.k + j * width, r.v + j * width];
      const distance = s - log;
      const weight = Math.exp(distance);
      const exponent = off[j]! + errorAt(elog, r.row) + U * (Math.abs(s) + Math.abs(log) + Math.abs(distance));
      const eWeight = weight * Math.expm1(exponent + Math.log1p(expError(distance))) + 2 * TINY;
      let [slope, eSlope] = [0, 0];
      for (let c = 0; c < d; c++) {
        const [a, b] = [Math.abs(dy.data[r.o + c]!), Math.abs(x[v + c]!)];
        const [ea, eb] = [errorAt(edy, r.o + c), errorAt(ex, v + c)];
        slope += dy.data[r.o + c]! * x[v + c]!;
        eSlope += a * eb + ea * b + ea * eb + gamma(d + 2) * (a + ea) * (b + eb) + TINY;
      }
      const kept = r.kept[j]!;
      const difference = kept * slope - whole;
      const eDifference = kept * (eSlope + 3 * U * Math.abs(slope)) + eWhole + U * Math.abs(difference);
      const ds = scale * weight * difference;
      const eds =
        scale * (weight * eDifference + eWeight * (Math.abs(difference) + eDifference)) * (1 + 8 * U) +
        8 * U * Math.abs(ds);
      for (let c = 0; c < d; c++) {
        add(r.q + c, ds, eds, x[k + c]!, errorAt(ex, k + c));
        add(k + c, ds, eds, x[r.q + c]!, errorAt(ex, r.q + c));
        const eKept = kept * (eWeight + 3 * U * weight);
        add(v + c, kept * weight, eKept, dy.data[r.o + c]!, errorAt(edy, r.o + c));
      }
    });
  });
  return out;
}

type Cases = readonly OpCase<AttentionAttrs>[];

/** Drawn and computed once, and only where attention is checked: every page that checks a kernel loads this file. */
const once = (make: () => Cases): (() => Cases) => {
  let made: Cases | null = null;
  return () => {
    made ??= make();
    return made;
  };
};
const forwardCases = once(cases);
const backwardCases = once(() =>
  forwardCases().map(({ name, inputs, attrs }) => {
    const [o, lse] = op.reference(inputs.map(arrayOf), attrs);
    const fixed = ({ shape, data }: NdArray): CaseInput => ({ shape, dtype: "f32", fill: Array.from(data) });
    const dy: CaseInput = { shape: o!.shape, dtype: "f32" };
    return { name, inputs: [dy, inputs[0]!, fixed(o!), fixed(lse!), ...inputs.slice(1)], attrs };
  }),
);

/** Shapes and settings that reach every edge: several tiles, none whole, rows that see nothing, large scores. */
function cases(): Cases {
  interface Setting {
    readonly n?: number;
    readonly t: number;
    readonly heads?: number;
    readonly keyHeads?: number;
    readonly d: number;
    readonly causal?: boolean;
    readonly lengths?: readonly number[];
    readonly p?: number;
    readonly scale?: number;
    readonly note?: string;
  }
  const settings: readonly Setting[] = [
    { t: 1, d: 1 },
    { n: 2, t: 5, heads: 2, d: 3 },
    { n: 2, t: 5, heads: 2, d: 4, causal: true },
    { t: 7, heads: 6, keyHeads: 2, d: 5, causal: true },
    { n: 2, t: 9, heads: 4, keyHeads: 2, d: 4, lengths: [11, 4] },
    { n: 3, t: 6, heads: 2, d: 4, lengths: [6, 0, 1], causal: true, note: ", one of which is 0" },
    { t: 13, heads: 2, keyHeads: 1, d: 4, scale: 5.5, note: ", scores up to some 30 and more" },
    { n: 2, t: 11, heads: 2, d: 4, p: 0.4, causal: true },
    { n: 2, t: 6, heads: 2, keyHeads: 1, d: 3, p: 0.25, lengths: [6, 5] },
    { n: 2, t: 10, heads: 2, keyHeads: 1, d: 4, p: 0.25, lengths: [10, 7] },
    { t: 70, heads: 2, d: 8, causal: true },
    { t: 130, heads: 2, keyHeads: 1, d: 4 },
    { n: 2, t: 37, d: 16, causal: true, lengths: [37, 20] },
    { t: 19, d: 36 },
    { n: 3, t: 1, heads: 2, d: 4, causal: true },
  ];
  return settings.map((s, i) => {
    const { n = 1, t, heads = 1, keyHeads = heads, d, causal = false, lengths, p, scale = 1, note = "" } = s;
    const size = n * t * (heads + 2 * keyHeads) * d;
    const fill = Array.from(normals(11 + i, STREAM.check, 0, size), (v) => Math.fround(scale * v));
    const words = [
      `${n} x ${t} of ${heads} heads of ${d}`,
      ...(keyHeads < heads ? [`keys in ${keyHeads}`] : []),
      ...(causal ? ["causal"] : []),
      ...(lengths ? ["lengths"] : []),
      ...(p ? [`p=${p}`] : []),
    ];
    const inputs: CaseInput[] = [{ shape: [n, t, (heads + 2 * keyHeads) * d], dtype: "f32", fill }];
    if (lengths) inputs.push({ shape: [n], dtype: "i32", fill: lengths });
    if (p) inputs.push({ shape: [4], dtype: "u32", fill: [5, 0, 0, 0] });
    const dropout = p ? { p, seed: 3, layer: 1 } : null;
    return {
      name: words.join(", ") + note,
      inputs,
      attrs: { heads, keyHeads, causal, lengths: lengths !== undefined, dropout },
    };
  });
}
