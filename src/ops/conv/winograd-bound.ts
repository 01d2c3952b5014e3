import { gamma, TINY } from "../shared/rounding.ts";

/** What a convolution by tiles adds up: sizes of what is read [n, C, rows, columns], of kernels, and places of the result. */
export interface Tiled {
  readonly n: number;
  readonly C: number;
  readonly M: number;
  /** Places of what is read and of the result, and zeros in front of the first, along rows and columns. */
  readonly read: readonly [rows: number, columns: number];
  readonly made: readonly [rows: number, columns: number];
  readonly before: readonly [rows: number, columns: number];
  /** |x| of a channel's place, and |w| of row m, channel c and element k of a kernel. */
  readonly x: Float64Array;
  readonly w: (m: number, c: number, k: number) => number;
}

/** Roundings beside those of the sum over channels: of a turned kernel, a turned tile, and of four results. */
const TURNS = 16;

/** |G|, |B^T| and |A^T| of F(2, 3): of three elements of a kernel four, of four places four, of four sums two. */
const G = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, 0.5, 0.5],
  [0, 0, 1],
] as const;
const B = [
  [0, 2],
  [1, 2],
  [1, 2],
  [1, 3],
] as const;
const A = [
  [0, 1, 2],
  [1, 2, 3],
] as const;

/**
 * How far the rounding of Winograd's F(2 x 2, 3 x 3) may take each result from its own: of every tile what the result would
 * be if nothing cancelled, |A^T| (sum_c |G||g||G|^T . |B^T||d||B|) |A|, times 2 gamma of the channels and the turns. A sum's own
 * bound does not hold for it: terms of a tile enter results that they are no terms of, and cancel there.
 */
export function winogradBound(of: Tiled): Float64Array {
  const { n, C, M } = of;
  const [down, across] = [Math.ceil(of.made[0] / 2), Math.ceil(of.made[1] / 2)];
  const u = turnedKernels(of);
  const out = new Float64Array(n * M * of.made[0] * of.made[1]);
  const factor = 2 * gamma(C + TURNS);
  let largest = 1;
  for (const v of of.x) largest = Math.max(largest, v);
  const d = new Float64Array(16);
  const v = new Float64Array(16 * C);
  for (let image = 0; image < n; image++) {
    for (let tile = 0; tile < down * across; tile++) {
      const [r0, q0] = [2 * Math.floor(tile / across), 2 * (tile % across)];
      for (let c = 0; c < C; c++) {
        for (let k = 0; k < 16; k++) d[k] = sizeAt(of, image * C + c, r0 + (k >> 2), q0 + (k & 3));
        for (let k = 0; k < 16; k++) {
          let sum = 0;
          for (const i of B[k >> 2]!) for (const j of B[k & 3]!) sum += d[4 * i + j]!;
          v[c * 16 + k] = sum;
        }
      }
      for (let m = 0; m < M; m++) {
        const s = new Float64Array(16);
        for (let at = 0; at < 16 * C; at++) s[at & 15]! += u[m * 16 * C + at]! * v[at]!;
        for (let k = 0; k < 4; k++) {
          const [r, q] = [r0 + (k >> 1), q0 + (k & 1)];
          if (r >= of.made[0] || q >= of.made[1]) continue;
          let sum = 0;
          for (const i of A[k >> 1]!) for (const j of A[k & 1]!) sum += s[4 * i + j]!;
          out[((image * M + m) * of.made[0] + r) * of.made[1] + q] = factor * sum + 16 * C * TINY * largest;
        }
      }
    }
  }
  return out;
}

function sizeAt({ x, read, before }: Tiled, plane: number, r: number, q: number): number {
  const [row, column] = [r - before[0], q - before[1]];
  const inside = row >= 0 && row < read[0] && column >= 0 && column < read[1];
  return inside ? x[(plane * read[0] + row) * read[1] + column]! : 0;
}

/** |G||g||G|^T of every kernel: [M, C, 16]. */
function turnedKernels({ M, C, w }: Tiled): Float64Array {
  const u = new Float64Array(M * C * 16);
  for (let m = 0; m < M; m++) {
    for (let c = 0; c < C; c++) {
      for (let k = 0; k < 16; k++) {
        let sum = 0;
        for (let e = 0; e < 9; e++) sum += G[k >> 2]![Math.floor(e / 3)]! * G[k & 3]![e % 3]! * w(m, c, e);
        u[(m * C + c) * 16 + k] = sum;
      }
    }
  }
  return u;
}
