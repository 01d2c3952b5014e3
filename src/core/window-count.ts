/**
 * Windows of `span` places that fit over `size` places with padding before and behind, `stride` from one to the next.
 * With `ceil` a last one may reach beyond the padding behind (then the only one may be larger than all that there is), but
 * one that would begin behind the last value is none. Below 1 where none fits. As PyTorch and ONNX count.
 */
export function windowCount(
  size: number,
  span: number,
  stride: number,
  pads: readonly [before: number, behind: number],
  ceil: boolean,
): number {
  const room = size + pads[0] + pads[1] - span;
  const count = (ceil ? Math.ceil : Math.floor)(room / stride) + 1;
  return ceil && (count - 1) * stride >= size + pads[0] ? count - 1 : count;
}
