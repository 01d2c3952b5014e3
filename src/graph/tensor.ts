import type { DType, Shape } from "../core/ndarray.ts";

/** Shape and element type of a value. Floats are "f32" or "f16" here; the reference executor may carry them as f64. */
export interface TensorSpec {
  /** Sizes of its dimensions, the last one contiguous. */
  readonly shape: Shape;
  /** Type of its elements. */
  readonly dtype: Exclude<DType, "f64">;
}
