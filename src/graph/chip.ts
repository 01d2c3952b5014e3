import type { TensorSpec } from "./tensor.ts";

/** A whole number: known when the code is written, or a WGSL expression of type u32. */
export type Index = number | string;

/** Arithmetic on indices; what is known when the code is written is worked out there. */
export const index = {
  text: (i: Index): string => (typeof i === "number" ? `${i}u` : i),
  plus(a: Index, b: Index): Index {
    if (typeof a === "number" && typeof b === "number") return a + b;
    if (a === 0) return b;
    return b === 0 ? a : `(${index.text(a)} + ${index.text(b)})`;
  },
  times(a: Index, b: number): Index {
    if (typeof a === "number") return a * b;
    return b === 1 ? a : `(${a} * ${b}u)`;
  },
  over(a: Index, b: number): Index {
    if (typeof a === "number") return Math.floor(a / b);
    return b === 1 ? a : `(${a} / ${b}u)`;
  },
  rest(a: Index, b: number): Index {
    if (typeof a === "number") return a % b;
    return b === 1 ? 0 : `(${a} % ${b}u)`;
  },
} as const;

/** A value of the graph inside the one kernel that runs whole steps. */
export interface ChipValue extends TensorSpec {
  /** WGSL of one element, to be read or assigned to. */
  at(i: Index): string;
  /** Stretches [from, to) of elements that hold something: between the parts of a packed array there are only zeros. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Every `stride`th element of a value, from `from` on. */
export interface Strided {
  readonly value: ChipValue;
  readonly from: Index;
  readonly stride: number;
}

/**
 * Takes the body of an op, statement by statement. The same emitter serves two forms: one invocation with every loop
 * written out (indices are numbers then), and a workgroup that divides loops among its invocations.
 */
export interface ChipWriter {
  /** Functions and structs at module scope: each text once, however often it is asked for. */
  declare(text: string): void;
  /** Statements, in the scope of the loop that is being written; `cost` where they do more than one thing. */
  add(text: string, cost?: number): void;
  /** An index that is used often: worked out once. */
  name(i: Index): Index;
  /** `body` for every index below `count`, in any order, divided among the invocations. A scope of its own. */
  each(count: number, body: (i: Index) => void): void;
  /** The same for the elements of a value that hold something. */
  eachOf(value: ChipValue, body: (i: Index) => void): void;
  /**
   * `body` for every index from `from` up to `to`, in order, by each invocation by itself. A scope of its own. A short loop is
   * written out, but not where its body is `long`, unless everything is.
   */
  loop(from: number, to: number, body: (k: Index) => void, long?: boolean): void;
  /** Adds up the products of `count` elements of both, in order. Returns the name of the sum. */
  dot(count: number, a: Strided, b: Strided): string;
  /** `body` by one invocation. A scope of its own. */
  once(body: () => void): void;
  /** `body` for every index in `ranges`, divided; it changes f32 `sum`. Returns the name of all invocations' sum. */
  total(ranges: ChipValue["ranges"], body: (i: Index, sum: string) => void): string;
}
