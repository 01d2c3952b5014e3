/** Numbers at which functions go wrong: zeros, subnormals, the ends of exp's range, the largest f32. */
export const MAX = 3.4028234663852886e38;
export const finite = [
  0,
  -0,
  1e-40,
  -1e-40,
  2 ** -126,
  -(2 ** -126),
  1e-7,
  -1e-7,
  0.3,
  -0.3,
  1,
  -1,
  20,
  -20,
  89,
  -89,
  104,
  -104,
];
export const large = [1e4, -1e4, MAX / 2, MAX, -MAX];
export const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
