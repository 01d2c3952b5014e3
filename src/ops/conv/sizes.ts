import type { Invocations } from "../../../shaders/conv/product.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import type { ConvDims } from "./geometry.ts";

/** Rows of a kernel that are longer would be more code than an adapter on a CPU runs fast. */
export const MOST_TAPS = 7;

/** Multiply-adds from which it pays to compile more than the plain kernel. */
const SMALL = 2 ** 14;

export function isSmall({ n, out, cGroup, rows, columns }: ConvDims): boolean {
  return n * out * cGroup * rows.y * columns.y * rows.kernel * columns.kernel < SMALL;
}

/** Of kernels without workgroup memory. */
export const invocationsOf = ({ onCpu }: DeviceCaps): Invocations => (onCpu ? 8 : 64);
