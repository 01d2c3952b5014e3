import type { TensorSpec } from "../../graph/graph.ts";
import type { Trial } from "../../graph/op.ts";
import { type BatchedAttrs, batchedDims, batchedForm } from "./batched-dims.ts";

/** No dimension of a matrix is halved below this. */
const LEAST = 64;

/** The same kernels are compared as for one product; a known answer is what tells whether one is right. */
export const batchedTrial: Trial<BatchedAttrs> = {
  work(inputs, attrs) {
    const { M, N, K, batches } = batchedDims(batchedForm(attrs), inputs[0]!, inputs[1]!);
    return batches * M * N * K;
  },
  async halve(inputs, attrs) {
    const form = batchedForm(attrs);
    const { M, N, K, lead } = batchedDims(form, inputs[0]!, inputs[1]!);
    const most = Math.max(1, ...lead);
    if (most > 1) {
      const axis = lead.lastIndexOf(most);
      return inputs.map((t) => {
        const k = axis - lead.length + t.shape.length - 2;
        return { ...t, shape: t.shape.map((d, j) => (j === k && d > 1 ? Math.ceil(d / 2) : d)) };
      });
    }
    const longest = (Object.entries({ M, N, K }) as ["M" | "N" | "K", number][]).reduce((x, y) =>
      y[1] > x[1] ? y : x,
    );
    if (longest[1] < 2 * LEAST) return null;
    // Multiples of 4 stay so: they decide which kernels can read vec4.
    const half = longest[1] % 4 === 0 ? Math.ceil(longest[1] / 8) * 4 : Math.ceil(longest[1] / 2);
    const to = { M, N, K, [longest[0]]: half };
    const shaped = (t: TensorSpec, rows: number, columns: number): TensorSpec => ({
      ...t,
      shape: [...t.shape.slice(0, -2), rows, columns],
    });
    const [a, b] = inputs as readonly [TensorSpec, TensorSpec];
    return [
      form === "TN" ? shaped(a, to.K, to.M) : shaped(a, to.M, to.K),
      form === "NT" ? shaped(b, to.N, to.K) : shaped(b, to.K, to.N),
    ];
  },
};
