import type { ModelSpec } from "../../nn/model-spec.ts";
import { widths } from "../../nn/shapes.ts";

/** Rows, and values of their outputs, that go through a net at once where nothing is trained. */
const ROWS = 256;
const OUTPUTS = 2 ** 24;

/** Rows that go through the net at once where nothing is trained: fewer where a row has a vocabulary's numbers for each step. */
export const evalBatch = (model: ModelSpec): number =>
  Math.max(1, Math.min(ROWS, Math.floor(OUTPUTS / widths(model).outputs)));
