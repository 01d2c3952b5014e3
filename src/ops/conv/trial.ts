import type { TensorSpec } from "../../graph/graph.ts";
import type { Trial } from "../../graph/op.ts";
import type { ConvDims } from "./geometry.ts";

/** Multiply-adds below which a convolution is a launch more than work. */
const LEAST_WORK = 2 ** 20;

/**
 * Trials of an op that is a convolution or a gradient of one, over fewer and fewer of its images: `images` are the inputs that
 * have some. All else decides which code a kernel has. On a CPU nothing is measured: there the ladder was, and one more
 * kernel takes longer to compile than a better choice saves in a hundred steps.
 */
export function convTrial<A>(
  family: string,
  dims: (inputs: readonly TensorSpec[], attrs: A) => ConvDims,
  images: (inputs: readonly TensorSpec[], attrs: A) => readonly number[],
): Trial<A> {
  return {
    family,
    least: ({ onCpu }) => (onCpu ? Number.POSITIVE_INFINITY : LEAST_WORK),
    work(inputs, attrs) {
      const { n, out, cGroup, rows, columns } = dims(inputs, attrs);
      return n * out * cGroup * rows.y * columns.y * rows.kernel * columns.kernel;
    },
    async halve(inputs, attrs) {
      const { n } = dims(inputs, attrs);
      const has = images(inputs, attrs);
      if (n < 2) return null;
      return inputs.map((t, i) => (has.includes(i) ? { ...t, shape: [Math.ceil(n / 2), ...t.shape.slice(1)] } : t));
    },
  };
}
