import type { TensorSpec } from "../../graph/graph.ts";
import type { Cell } from "./cells.ts";

/** Settings of a recurrence. */
export interface RecurrentAttrs {
  /** From the last step to the first, within each row's own length. */
  readonly reverse: boolean;
}

/** Sizes of a recurrence. */
export interface RecurrentDims {
  readonly rows: number;
  readonly steps: number;
  /** Units. */
  readonly h: number;
}

/** Sizes, from x [n, t, gates h] or dy [n, t, h], and w [gates h, h]. */
export const recurrentDims = ({ shape }: Pick<TensorSpec, "shape">, w: Pick<TensorSpec, "shape">): RecurrentDims => ({
  rows: shape[0]!,
  steps: shape[1]!,
  h: w.shape[1]!,
});

/** How shapes are told in messages. */
export const gateWidth = ({ gates }: Cell): string => (gates === 1 ? "h" : `${gates} h`);
