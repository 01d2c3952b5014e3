import { type NdArray, unravel } from "./ndarray.ts";

/** How a computed array compares with the exact one. */
export interface Comparison {
  /** True where every element lies within its bound. */
  readonly pass: boolean;
  /** Largest |computed - exact|. */
  readonly maxAbsolute: number;
  /** Largest |computed - exact| / |exact|, over elements whose exact value is not 0. */
  readonly maxRelative: number;
  /** ||computed - exact|| / ||exact||; 0 when both are zero. */
  readonly normRelative: number;
  /** Of the angle between the two, as vectors. */
  readonly cosine: number;
  /** Largest error in units of its bound; at most 1 when all is well. */
  readonly worstRatio: number;
  /** Where that is, with the two values and the bound there. */
  readonly worst: {
    readonly index: readonly number[];
    readonly computed: number;
    readonly exact: number;
    readonly bound: number;
  };
}

/**
 * Compares element by element: |computed - exact| <= bound. Where the exact value is NaN the computed must be NaN;
 * where it is infinite, the same infinity; a NaN anywhere else fails. A bound of null asks for equality.
 */
export function compare(computed: NdArray, exact: NdArray, bound: NdArray | null): Comparison {
  let maxAbsolute = 0;
  let maxRelative = 0;
  let worstRatio = 0;
  let worstAt = 0;
  let dot = 0;
  let sizeComputed = 0;
  let sizeExact = 0;
  let sizeError = 0;
  for (let i = 0; i < exact.data.length; i++) {
    const c = computed.data[i]!;
    const e = exact.data[i]!;
    const limit = bound ? bound.data[i]! : 0;
    const same = Object.is(c, e) || c === e;
    const error = same ? 0 : Math.abs(c - e);
    const ratio = error === 0 ? 0 : Number.isFinite(error) && limit > 0 ? error / limit : Number.POSITIVE_INFINITY;
    if (Number.isFinite(error)) {
      maxAbsolute = Math.max(maxAbsolute, error);
      if (e !== 0) maxRelative = Math.max(maxRelative, error / Math.abs(e));
      dot += c * e;
      sizeComputed += c * c;
      sizeExact += e * e;
      sizeError += error * error;
    } else maxAbsolute = Number.POSITIVE_INFINITY;
    if (ratio > worstRatio) {
      worstRatio = ratio;
      worstAt = i;
    }
  }
  const scale = Math.sqrt(sizeComputed * sizeExact);
  return {
    pass: worstRatio <= 1,
    maxAbsolute,
    maxRelative,
    normRelative: sizeError === 0 ? 0 : Math.sqrt(sizeError / sizeExact),
    cosine: scale > 0 ? dot / scale : sizeComputed === sizeExact ? 1 : 0,
    worstRatio,
    worst: {
      index: unravel(worstAt, exact.shape),
      computed: computed.data[worstAt] ?? 0,
      exact: exact.data[worstAt] ?? 0,
      bound: bound ? (bound.data[worstAt] ?? 0) : 0,
    },
  };
}

/** One line for a person: what was computed, what was exact, by how much too far. */
export function comparisonText(c: Comparison): string {
  const { index, computed, exact, bound } = c.worst;
  return `at [${index.join(", ")}]: computed ${computed}, exact ${exact}, error ${Math.abs(computed - exact).toExponential(2)}, bound ${bound.toExponential(2)}`;
}
