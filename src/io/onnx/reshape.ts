import { BATCH, type Dim, type Dims, product } from "./dims.ts";

/**
 * What Reshape makes of axes, told the numbers it is given: 0 keeps an axis, -1 is what is left. Null where rows do not
 * stay rows: the batch must stay the first axis, and what follows must hold what a row held.
 */
export function reshaped(
  dims: Dims,
  target: readonly Dim[],
  batchSize: number | null,
  allowZero: boolean,
): readonly Dim[] | null {
  if (target.length === 0 || (allowZero && target.includes(0))) return null;
  const wanted = target.map((t, i) => (t === 0 ? (dims?.[i] ?? null) : t));
  if (target.some((t, i) => t === 0 && dims !== null && i >= dims.length)) return null;
  const [first, ...rest] = wanted;
  const size = dims === null ? null : product(dims.slice(1));
  const open = rest.filter((t) => t === -1).length;
  if (rest.some((t) => t === BATCH || (typeof t === "number" && t < -1)) || open > 1) return null;
  const known = product(rest.filter((t) => t !== -1));
  // The first axis of what flows is the batch: kept, called by its size, or what is left over.
  const kept = target[0] === 0 || first === BATCH || (batchSize !== null && first === batchSize);
  if (kept ? false : first !== -1 || open > 0) return null;
  if (open === 0) return size !== null && known !== null && size !== known ? null : [BATCH, ...rest];
  if (size === null || known === null) return [BATCH, ...rest.map((t) => (t === -1 ? null : t))];
  if (size % known !== 0) return null;
  return [BATCH, ...rest.map((t) => (t === -1 ? size / known : t))];
}

/** The same for an array all of whose axes are known. */
export function reshapedConstant(
  dims: readonly number[],
  target: readonly Dim[],
  allowZero: boolean,
): readonly number[] | null {
  const size = product(dims)!;
  const wanted = target.map((t, i) => (t === 0 && !allowZero ? dims[i] : t));
  const known = product(wanted.filter((t): t is number => t !== -1 && typeof t === "number"))!;
  if (wanted.some((t) => typeof t !== "number" || t < -1 || t === 0)) return null;
  const open = wanted.filter((t) => t === -1).length;
  if (open > 1 || (open === 0 ? known !== size : size % known !== 0)) return null;
  return wanted.map((t) => (t === -1 ? size / known : (t as number)));
}
