import type { NdArray } from "../../core/ndarray.ts";

/** The PyTorch layout of linear weights, [out, in], exists only here; everywhere else W is [in, out]. */
export function transpose(w: NdArray): NdArray {
  const [rows, columns] = w.shape as readonly [number, number];
  const data = w.data.slice();
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = w.data[i * columns + j]!;
  return { shape: [columns, rows], dtype: w.dtype, data };
}
