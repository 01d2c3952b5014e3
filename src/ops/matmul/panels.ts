import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { DeviceCaps } from "../../graph/op.ts";

/** A stretch of an operand: `offset` and `size` in elements as they are bound, `rest` elements in to the first used. */
export interface PanelWindow {
  readonly offset: number;
  readonly size: number;
  readonly rest: number;
}

/** One product of parts: rows m0.., columns n0.., summed over k0... */
export interface Panel {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly n0: number;
  readonly a: PanelWindow;
  readonly b: PanelWindow;
  readonly c: PanelWindow;
  /** First and last of the panels that add to the same part of C. */
  readonly first: boolean;
  readonly last: boolean;
  /** The one panel of a product that needs no cutting. */
  readonly whole: boolean;
}

/**
 * Cuts C = A B into panels none of whose operands exceeds what the device can bind at once. An operand stored row by
 * row is cut along its rows: A by M (by K for TN), B by K (by N for NT), C by M.
 * Returns a sentence when even one row is too long.
 */
export function matmulPanels(
  form: MatmulForm,
  M: number,
  N: number,
  K: number,
  caps: DeviceCaps,
): readonly Panel[] | string {
  const align = caps.minStorageBufferOffsetAlignment / 4;
  const limit = Math.floor(caps.maxStorageBufferBindingSize / 4);
  if (M * K <= limit && K * N <= limit && M * N <= limit) {
    const whole = (size: number) => ({ offset: 0, size, rest: 0 });
    const panel = { M, N, K, n0: 0, a: whole(M * K), b: whole(K * N), c: whole(M * N), first: true, last: true };
    return [{ ...panel, whole: true }];
  }
  // One row less than fits, since a window starts at an aligned offset before its first element.
  const rowsThatFit = (width: number): number => Math.floor((limit - align + 1) / width);
  const cut = { M, N, K };
  const limitTo = (dim: "M" | "N" | "K", width: number, total: number): void => {
    if (total > limit) cut[dim] = Math.min(cut[dim], rowsThatFit(width));
  };
  limitTo(form === "TN" ? "K" : "M", form === "TN" ? M : K, M * K);
  limitTo(form === "NT" ? "N" : "K", form === "NT" ? K : N, K * N);
  limitTo("M", N, M * N);
  if (cut.M < 1 || cut.N < 1 || cut.K < 1) {
    const row = Math.max(form === "TN" ? M : K, form === "NT" ? K : N, N) * 4;
    return `a row needs ${row} bytes, more than this device's maxStorageBufferBindingSize of ${caps.maxStorageBufferBindingSize} bytes: use a narrower layer`;
  }
  const panels: Panel[] = [];
  for (let m0 = 0; m0 < M; m0 += cut.M) {
    for (let n0 = 0; n0 < N; n0 += cut.N) {
      for (let k0 = 0; k0 < K; k0 += cut.K) {
        const m = Math.min(cut.M, M - m0);
        const n = Math.min(cut.N, N - n0);
        const k = Math.min(cut.K, K - k0);
        const [aRow, aRows, aCol, aCols, aLd] = form === "TN" ? [k0, k, m0, m, M] : [m0, m, k0, k, K];
        const [bRow, bRows, bCol, bCols, bLd] = form === "NT" ? [n0, n, k0, k, K] : [k0, k, n0, n, N];
        panels.push({
          M: m,
          N: n,
          K: k,
          n0,
          a: windowOf(aRow!, aRows!, aCol!, aCols!, aLd!, align),
          b: windowOf(bRow!, bRows!, bCol!, bCols!, bLd!, align),
          c: windowOf(m0, m, n0, n, N, align),
          first: k0 === 0,
          last: k0 + k === K,
          whole: false,
        });
      }
    }
  }
  return panels;
}

function windowOf(row: number, rows: number, col: number, cols: number, ld: number, align: number): PanelWindow {
  const start = row * ld + col;
  const end = (row + rows - 1) * ld + col + cols;
  const offset = Math.floor(start / align) * align;
  return { offset, size: end - offset, rest: start - offset };
}
