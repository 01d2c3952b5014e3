import type { OpCase, Proof } from "../../graph/op.ts";
import { boundLike, errorAt, TINY, U } from "../shared/rounding.ts";
import type { ScaledColumnsAttrs } from "./scaled-columns.ts";

/** What rounding the factor and the product may do to scale d, beside d's own error. */
function errorOfTerm(value: number, error: number, scale: number): number {
  const carried = Math.abs(scale) * error;
  return carried + 3 * U * (Math.abs(scale * value) + carried) + TINY * (1 + Math.abs(scale));
}

export const addScaledColumns: Proof<ScaledColumnsAttrs> = {
  bound([x, d], [ex, ed], [y], { first, width, scale }) {
    const N = x!.shape[1]!;
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = errorAt(ex, i);
      const k = (i % N) - first;
      if (k < 0 || k >= width) continue;
      const at = Math.floor(i / N) * width + k;
      const carried = errorAt(ex, i) + errorOfTerm(d!.data[at]!, errorAt(ed, at), scale);
      out.data[i] = carried + 2 * U * (Math.abs(y!.data[i]!) + carried) + TINY;
    }
    return [out];
  },
  cases: cases(([M, N], width) => [
    { shape: [M, N], dtype: "f32" },
    { shape: [M, width], dtype: "f32" },
  ]),
};

export const scaledColumns: Proof<ScaledColumnsAttrs> = {
  bound([y], [ey], [d], { first, width, scale }) {
    const N = y!.shape[1]!;
    const out = boundLike(d!);
    for (let i = 0; i < out.data.length; i++) {
      const at = Math.floor(i / width) * N + first + (i % width);
      out.data[i] = errorOfTerm(y!.data[at]!, errorAt(ey, at), scale);
    }
    return [out];
  },
  cases: cases(([M, N]) => [{ shape: [M, N], dtype: "f32" }]),
};

/** All columns, the first, some between and the last; widths that four do not divide. */
function cases(
  inputs: (shape: readonly [number, number], width: number) => OpCase<ScaledColumnsAttrs>["inputs"],
): readonly OpCase<ScaledColumnsAttrs>[] {
  return (
    [
      [[1, 1], 0, 1, 2],
      [[3, 7], 0, 7, 0.5],
      [[5, 9], 0, 4, 1.7],
      [[4, 10], 3, 5, -0.3],
      [[33, 24], 19, 5, 16],
      [[65, 40], 8, 24, 1 / 3],
    ] as const
  ).map(([shape, first, width, scale]) => ({
    name: `${shape.join("x")}, ${width} from ${first}`,
    inputs: inputs(shape, width),
    attrs: { first, width, scale },
  }));
}
