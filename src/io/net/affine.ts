/**
 * y = x scale + shift, feature by feature, in f64: as many numbers of each as there are features, or one that stands for
 * all. What a normalisation by fixed numbers is, be it of the inputs, of the outputs, or batch norm in inference.
 */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** The number of a feature. */
export const numberOf = (values: Float64Array, feature: number): number => values[values.length === 1 ? 0 : feature]!;

/** Features that it is made for; 1 where it takes any. */
export const widthOf = ({ scale, shift }: Affine): number => Math.max(scale.length, shift.length);

/** `first`, and then `second`; their widths are equal, or one of them takes any. */
export function composed(first: Affine, second: Affine): Affine {
  const size = Math.max(widthOf(first), widthOf(second));
  const scale = new Float64Array(size);
  const shift = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    scale[i] = numberOf(first.scale, i) * numberOf(second.scale, i);
    shift[i] = numberOf(first.shift, i) * numberOf(second.scale, i) + numberOf(second.shift, i);
  }
  return { scale, shift };
}

/** Whether it gives what it is given. */
export const isIdentity = ({ scale, shift }: Affine): boolean =>
  scale.every((v) => v === 1) && shift.every((v) => v === 0);

/**
 * Batch norm in inference: (x - mean) / sqrt(variance + eps) gamma + beta, each of one length; gamma is 1 and beta 0
 * where they are null.
 */
export function batchNormAffine(
  gamma: ArrayLike<number> | null,
  beta: ArrayLike<number> | null,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  eps: number,
): Affine {
  const scale = Float64Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + eps));
  const shift = Float64Array.from(mean, (m, i) => (beta?.[i] ?? 0) - m * scale[i]!);
  return { scale, shift };
}
