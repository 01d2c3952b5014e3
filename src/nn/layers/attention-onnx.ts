import type { AttentionSpec } from "./attention-spec.ts";
import { countedSteps } from "./lengths-onnx.ts";
import type { OnnxContext, OnnxStep } from "./onnx-step.ts";

/**
 * Attention in ops that every runtime has: heads as axes [batch, keyHeads, heads of one, t, d], so that heads that share keys
 * meet them by broadcasting.
 */
export function attentionSteps(layer: AttentionSpec, c: OnnxContext): readonly OnnxStep[] {
  const { size, heads, keyHeads, causal, bias, rotary, mask } = layer;
  const t = c.input[0]!;
  const d = size / heads;
  const share = heads / keyHeads;
  const steps: OnnxStep[] = [];
  const put = (key: string, op: string, inputs: readonly string[], more: Partial<OnnxStep> = {}): string => {
    const output = key === "" ? c.output : c.between(key);
    steps.push({ op, inputs, output, ...more });
    return output;
  };
  const product = (key: string, x: string, name: string): string => {
    const turned = put(`${name}.turned`, "Transpose", [c.weight(`${name}weight`)], { lists: { perm: [1, 0] } });
    if (!bias) return put(key, "MatMul", [x, turned]);
    return put(key, "Add", [put(`${name}.product`, "MatMul", [x, turned]), c.weight(`${name}bias`)]);
  };
  const slice = (key: string, x: string, axis: number, from: number, to: number): string =>
    put(key, "Slice", [
      x,
      c.wholes(`${key}.from`, [from]),
      c.wholes(`${key}.to`, [to]),
      c.wholes(`${key}.axis`, [axis]),
    ]);
  const all = product("qkv", c.inputs[0]!, "in_proj_");
  const width = keyHeads * d;
  const angle = (i: number): number => Math.floor(i / d) / layer.base ** ((2 * (i % (d / 2))) / d);
  /** One of queries, keys and values as heads, [batch, t, keyHeads, of one, d]. */
  const part = (key: string, from: number, of: number): string => {
    const x = slice(`${key}.all`, all, 2, from, from + keyHeads * of * d);
    return put(`${key}.heads`, "Reshape", [x, c.wholes(`${key}.shape`, [0, t, keyHeads, of, d])]);
  };
  /** Values of each head turned in pairs: x cos + (second half of x, negative, then the first) sin. */
  const turn = (key: string, x: string): string => {
    if (!rotary) return x;
    const first = slice(`${key}.first`, x, 4, 0, d / 2);
    const second = put(`${key}.minus`, "Neg", [slice(`${key}.second`, x, 4, d / 2, d)]);
    const other = put(`${key}.other`, "Concat", [second, first], { integers: { axis: 4 } });
    const cos = c.floats("cos", [t, 1, 1, d], (i) => Math.cos(angle(i)));
    const sin = c.floats("sin", [t, 1, 1, d], (i) => Math.sin(angle(i)));
    return put(`${key}.rotated`, "Add", [put(`${key}.cos`, "Mul", [x, cos]), put(`${key}.sin`, "Mul", [other, sin])]);
  };
  const order = (key: string, x: string, perm: readonly number[]): string =>
    put(key, "Transpose", [x], { lists: { perm } });
  const q = order("q", turn("q", part("q", 0, share)), [0, 2, 3, 1, 4]);
  const k = order("k", turn("k", part("k", size, 1)), [0, 2, 3, 4, 1]);
  const v = order("v", part("v", size + width, 1), [0, 2, 3, 1, 4]);
  const products = put("products", "MatMul", [q, k]);
  let scores = put("scores", "Mul", [products, c.floats("scale", [], () => 1 / Math.sqrt(d))]);
  const nothing = (): string => c.floats("nothing", [], () => Number.NEGATIVE_INFINITY);
  if (causal) {
    const later = put("later", "Greater", [
      c.floats("key_step", [1, t], (i) => i),
      c.floats("query_step", [t, 1], (i) => i),
    ]);
    scores = put("seen", "Where", [later, nothing(), scores]);
  }
  const counted = mask === "lengths" && c.lengths !== null;
  if (counted) {
    steps.push(...countedSteps(c, c.lengths!, "all"));
    const keys = put("keys", "Reshape", [c.between("counts"), c.wholes("by_key", [-1, 1, 1, 1, t])]);
    scores = put("counted", "Where", [keys, scores, nothing()]);
  }
  const weights = put("weights", "Softmax", [scores], { integers: { axis: -1 } });
  const heard = order("heard", put("means", "MatMul", [weights, v]), [0, 3, 1, 2, 4]);
  let o = put("o", "Reshape", [heard, c.wholes("shape", [0, t, size])]);
  if (counted) {
    // Queries behind the end see nothing, and so do those of a row without steps, whose softmax is no number.
    const queries = put("queries", "Unsqueeze", [c.between("counts"), c.wholes("behind", [2])]);
    o = put("heard_counted", "Where", [queries, o, c.floats("zero", [], () => 0)]);
  }
  product("", o, "out_proj.");
  return steps;
}
