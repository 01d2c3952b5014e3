import type { Invocations } from "../../../shaders/conv/product.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import type { ConvDims } from "./geometry.ts";

/** Rows of a kernel that are longer would be more code than an adapter on a CPU runs fast. */
export const MOST_TAPS = 7;

/** Multiply-adds from which it pays to compile more than the plain kernel. */
const SMALL = 2 ** 14;

export function isSmall({ n, out, cGroup, rows, columns }: ConvDims): boolean {
  return n * out * cGroup * rows.y * columns.y * rows.kernel * columns.kernel < SMALL;
}

/** Terms that a known answer is worked out of, about, and places that a kernel's gradient is a sum over at least. */
const SAMPLE_TERMS = 2 ** 20;
const SAMPLE_PLACES = 2 ** 9;

/** A convolution of a few of the images of inputs that have some, those at `images`: see Op.sample. */
export function sampleImages(
  inputs: readonly TensorSpec[],
  images: readonly number[],
  { n, out, cGroup, rows, columns }: ConvDims,
): readonly TensorSpec[] | null {
  const places = rows.y * columns.y;
  const terms = out * cGroup * rows.kernel * columns.kernel * places;
  const few = Math.min(n, Math.max(1, Math.floor(SAMPLE_TERMS / terms), Math.ceil(SAMPLE_PLACES / places)));
  if (few * terms > 8 * SAMPLE_TERMS) return null;
  return inputs.map((t, i) => (images.includes(i) ? { ...t, shape: [few, ...t.shape.slice(1)] } : t));
}

/** Of kernels without workgroup memory. */
export const invocationsOf = ({ onCpu }: DeviceCaps): Invocations => (onCpu ? 8 : 64);
