import type { Shape } from "../../core/ndarray.ts";

/** One node of an ONNX graph: names of values in and out, and attributes. */
export interface OnnxStep {
  readonly op: string;
  readonly inputs: readonly string[];
  /** What it gives; the layer's own value for the last step. */
  readonly output: string;
  readonly floats?: Readonly<Record<string, number>>;
  readonly integers?: Readonly<Record<string, number>>;
  readonly lists?: Readonly<Record<string, readonly number[]>>;
  readonly texts?: Readonly<Record<string, string>>;
  readonly textLists?: Readonly<Record<string, readonly string[]>>;
}

/** What a layer says itself in ONNX with. */
export interface OnnxContext {
  /** Values that it takes, by name, and the shape of a row of the first. */
  readonly inputs: readonly string[];
  readonly input: Shape;
  /** The value that it gives, and the shape of a row. */
  readonly output: string;
  readonly shape: Shape;
  /** The type of the layer that is called so. */
  typeOf(name: string): string;
  /** The value of how many steps of each row count, int64 [batch]; null where all do. */
  readonly lengths: string | null;
  /** The name of one of its parameters or statistics. */
  weight(key: string): string;
  /** A name of its own for a value between its steps. */
  between(key: string): string;
  /** An array of its own, element by element, as f32; or a list of whole numbers: gives its name. */
  floats(key: string, shape: Shape, value: (i: number) => number): string;
  wholes(key: string, values: readonly number[]): string;
}
